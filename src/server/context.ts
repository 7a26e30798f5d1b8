import type { Caller } from '../core/caller.js'
import type { RequestContext } from '../core/graphql/context.js'
import { createLoaders, type Loaders } from '../core/graphql/loaders.js'
import type { ChangeLog } from '../core/state/change-log.js'
import type { Ledger } from '../core/state/ledger.js'
import type { Snapshot } from '../core/state/snapshot.js'

/** What is known of a call before it is executed. */
export interface Call {
  readonly caller: Caller
  readonly requestId: string
  readonly remoteAddress: string
}

/** Makes the context of one execution: of a request, or of one event of a subscription. */
export type CreateContext = (call: Call) => RequestContext

/** Contexts that read the newest state of `ledger`. */
export function contextsOf(ledger: Ledger, changeLog: ChangeLog): CreateContext {
  return (call) => new CallContext(call, ledger.snapshot, changeLog)
}

/**
 * A context whose loaders are made when they are first needed, since most reads need none. No `#private` members: Apollo
 * copies every context with Object.assign.
 */
class CallContext implements RequestContext {
  readonly caller: Caller
  readonly requestId: string
  readonly remoteAddress: string
  snapshot: Snapshot
  private readonly changeLog: ChangeLog
  private madeLoaders: Loaders | undefined

  constructor({ caller, requestId, remoteAddress }: Call, snapshot: Snapshot, changeLog: ChangeLog) {
    this.caller = caller
    this.requestId = requestId
    this.remoteAddress = remoteAddress
    this.snapshot = snapshot
    this.changeLog = changeLog
    this.madeLoaders = undefined
  }

  get loaders(): Loaders {
    this.madeLoaders ??= createLoaders(this.changeLog)
    return this.madeLoaders
  }
}
