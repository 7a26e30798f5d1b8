import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hasAtLeast, type Permission, ROLES } from '../core/contract/caller.js'
import { permissionsByRole } from './permissions.js'

const declared = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}:[a-z]{1,8}$/), fc.constantFrom(...ROLES))

describe('the permissions of the roles', () => {
  it('are those declared for a role and for the ones below it, and nothing else', () => {
    fc.assert(
      fc.property(declared, (permissions) => {
        const byRole = permissionsByRole([{ id: 'TY', permissions }])
        for (const role of ROLES) {
          const expected = Object.keys(permissions).filter((permission) =>
            hasAtLeast(role, permissions[permission as Permission] ?? 'ADMIN'),
          )
          expect([...byRole[role]].sort()).toEqual(expected.sort())
        }
      }),
    )
  })

  it('come from every pack and from what is declared besides', () => {
    const byRole = permissionsByRole(
      [
        { id: 'UA', permissions: { 'flags:read': 'OBSERVER' } },
        { id: 'TZ', permissions: { 'config:write': 'OPERATOR' } },
      ],
      {
        'index:read': 'EVALUATOR',
      },
    )
    expect(ROLES.map((role) => [...byRole[role]])).toEqual([
      ['index:read'],
      ['flags:read', 'index:read'],
      ['flags:read', 'config:write', 'index:read'],
      ['flags:read', 'config:write', 'index:read'],
    ])
  })

  it('may be declared twice with one role, never with two', () => {
    const pack = (id: 'UA' | 'TZ', role: 'OBSERVER' | 'ADMIN') => ({ id, permissions: { 'changes:read': role } as const })
    expect([...permissionsByRole([pack('UA', 'OBSERVER'), pack('TZ', 'OBSERVER')]).OBSERVER]).toEqual(['changes:read'])
    expect(() => permissionsByRole([pack('UA', 'OBSERVER'), pack('TZ', 'ADMIN')])).toThrow('changes:read')
  })
})
