import type { ClassType } from 'type-graphql'
import type { AnyCollection } from '../state/collection.js'
import type { Caller, Permission, Role } from './caller.js'
import type { CoreServices } from './core-services.js'
import type { Measure } from './measure.js'
import type { PackWrite } from './write.js'

/** The nine packs. */
export const PACK_IDS = ['TY', 'TZ', 'UA', 'UB', 'UC', 'UD', 'UE', 'UF', 'W'] as const
export type PackId = (typeof PACK_IDS)[number]

/** One capability, whole: what it stores, what it can do, who may do it, and how it is asked. */
export interface Pack {
  readonly id: PackId
  readonly collections: readonly AnyCollection[]
  /** Every permission that its operations name, with the least role that holds it. */
  readonly permissions: Readonly<Record<Permission, Role>>
  /** Its commands that clients may call. */
  readonly writes?: readonly PackWrite[]
  /** The classes that answer everything else. They hold no state: what they need is in the context of each call. */
  readonly resolvers: readonly ClassType<object>[]
  /** Writes what has to be there before the first request; called once a start, must do nothing the second time. */
  prepare?(core: CoreServices, system: Caller): Promise<void>
  /** What operators can watch of it; asked for once a server. */
  measures?(core: CoreServices): readonly Measure[]
  /** What it does beside requests, from when the server listens on; returns what stops it. */
  run?(core: CoreServices): () => Promise<void>
}

/** Declares a pack: its collections are its own from then on. */
export function definePack(pack: Pack): Pack {
  for (const collection of pack.collections) collection.pack = pack.id
  return Object.freeze(pack)
}
