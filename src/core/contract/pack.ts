import type { AnyCollection } from '../state/collection.js'
import type { AdminStep } from './admin-step.js'
import type { Caller, Permission, Role } from './caller.js'
import type { CoreServices } from './core-services.js'

/** The nine packs. */
export const PACK_IDS = ['TY', 'TZ', 'UA', 'UB', 'UC', 'UD', 'UE', 'UF', 'W'] as const
export type PackId = (typeof PACK_IDS)[number]

/** One capability, whole: what it stores, what it can do, who may do it, and how it is asked. */
export interface Pack {
  readonly id: PackId
  readonly collections: readonly AnyCollection[]
  /** Every permission that its operations name, with the least role that holds it. */
  readonly permissions: Readonly<Record<Permission, Role>>
  /** Those of its commands that can be steps of an admin operation. */
  readonly steps?: readonly AdminStep[]
  /** The resolvers, ready to answer; also what they need from the core. */
  resolvers(core: CoreServices): readonly object[]
  /** Writes what has to be there before the first request; called once a start, must do nothing the second time. */
  prepare?(core: CoreServices, system: Caller): Promise<void>
}
