/** What a client is; dashboards (HEIMDALL) go on watching while others are refused during maintenance. */
export const CLIENT_TYPES = ['WEWEB', 'HEIMDALL', 'TYR', 'SCRIPT', 'INTEGRATION'] as const
export type ClientType = (typeof CLIENT_TYPES)[number]

/** Roles from the least to the most powerful; each may do what the ones before it may. */
export const ROLES = ['EVALUATOR', 'OBSERVER', 'OPERATOR', 'ADMIN'] as const
export type Role = (typeof ROLES)[number]

/** A permission: `<noun>:<verb>`, such as `flags:write`. Packs declare theirs together with the least role that has it. */
export type Permission = `${string}:${string}`

/** What each role may do. Whatever is not in a set is denied. */
export type PermissionsByRole = Readonly<Record<Role, ReadonlySet<Permission>>>

/** Who did something, as the change log keeps it. */
export interface ActorRef {
  readonly id: string
  readonly name: string
  readonly clientType: ClientType | null
}

/** Who is calling. */
export interface Caller extends ActorRef {
  readonly role: Role | null
  readonly permissions: ReadonlySet<string>
  /** The public part of the client's key that it came with; left out for who has none of a client. */
  readonly keyId?: string
  /** When its session ends; left out for who has come with a key itself. */
  readonly sessionEndsAt?: Date
}

/** The control plane itself: first start, host commands, what runs beside requests. Never reachable over the network. */
export const SYSTEM_ACTOR: ActorRef = { id: 'system', name: 'system', clientType: null }

/** The control plane itself as a caller: it is asked for no permission. */
export const SYSTEM_CALLER: Caller = { ...SYSTEM_ACTOR, role: null, permissions: new Set() }

/** True when `role` is `least` or above it. */
export function hasAtLeast(role: Role, least: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(least)
}
