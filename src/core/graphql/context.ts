import type { Caller } from '../contract/caller.js'
import type { CoreServices } from '../contract/core-services.js'
import type { RateLimitSubjects } from '../contract/limiter.js'
import type { Part } from '../contract/once.js'
import type { Snapshot } from '../state/snapshot.js'

/** What a resolver knows about the call it answers. */
export interface RequestContext {
  readonly caller: Caller
  /** Also the correlation id of every change that this call makes. */
  readonly requestId: string
  /** Address of the client, behind the trusted proxies. */
  readonly remoteAddress: string
  /** Who this call is counted for under the rate limits. */
  readonly subjects: RateLimitSubjects
  /** The state that the whole answer is read from. A write of the same call moves it on. */
  snapshot: Snapshot
  /** The server that answers. */
  readonly core: CoreServices
  /** What this call needs once, such as a loader that asks for many things together. */
  once<T>(part: Part<RequestContext, T>): T
  /**
   * Throws the AppError with which the guard would refuse a mutation to this caller now: for operations that do what
   * other mutations do alone. `isOverride`: whether the operation itself was let through whatever mode is in force.
   */
  admit(mutation: string, call?: { readonly isOverride: boolean }): undefined | Promise<void>
}
