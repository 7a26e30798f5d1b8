import type { GraphQLSchema } from 'graphql'
import { hasAtLeast, type Permission, type PermissionsByRole, ROLES, type Role } from '../core/contract/caller.js'
import type { Pack } from '../core/contract/pack.js'
import { rootFieldsOf } from './root-fields.js'

/**
 * The permissions of each role, from what the packs (and `extra`) declare: permission -> least role that holds it. A role
 * holds what the roles below it hold.
 *
 * @throws TypeError when a permission is declared twice, with different roles
 */
export function permissionsByRole(
  packs: readonly Pick<Pack, 'id' | 'permissions'>[],
  extra: Readonly<Record<Permission, Role>> = {},
): PermissionsByRole {
  const leastRoles = new Map<string, Role>()
  const clashes = new Set<string>()
  for (const permissions of [...packs.map((pack) => pack.permissions), extra]) {
    for (const [permission, least] of Object.entries(permissions)) {
      if ((leastRoles.get(permission) ?? least) !== least) clashes.add(permission)
      leastRoles.set(permission, least)
    }
  }
  if (clashes.size > 0) throw new TypeError(`declared with different roles: ${[...clashes].sort().join(', ')}`)
  const held = (role: Role) =>
    new Set([...leastRoles].filter(([, least]) => hasAtLeast(role, least)).map(([permission]) => permission as Permission))
  return Object.fromEntries(ROLES.map((role) => [role, held(role)])) as unknown as PermissionsByRole
}

/** Permissions that root fields of the schema ask for, but nobody declares: no role could ever use those fields. */
export function undeclaredPermissions(schema: GraphQLSchema, permissions: PermissionsByRole): Permission[] {
  const needed = new Set(rootFieldsOf(schema).flatMap(({ policy }) => (policy?.permission ? [policy.permission] : [])))
  // The highest role holds everything that is declared.
  return [...needed].filter((permission) => !permissions.ADMIN.has(permission)).sort()
}
