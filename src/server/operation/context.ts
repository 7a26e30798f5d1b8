import type { Caller } from '../../core/contract/caller.js'
import type { RateLimitSubjects } from '../../core/contract/limiter.js'
import type { RequestContext } from '../../core/graphql/context.js'
import { createLoaders, type Loaders } from '../../core/graphql/loaders.js'
import type { ChangeLog } from '../../core/ledger/change-log.js'
import type { Ledger } from '../../core/ledger/ledger.js'
import type { Snapshot } from '../../core/state/snapshot.js'
import { isAnonymous } from '../../enforcement/authenticate.js'
import type { Admission } from '../../enforcement/guard.js'

/** What is known of a call before it is executed. */
export interface Call {
  readonly caller: Caller
  readonly requestId: string
  readonly remoteAddress: string
  /** The end user that the client names; null when it names none. */
  readonly user?: string | null
}

/** Makes the context of one execution: of a request, or of one event of a subscription. */
export type CreateContext = (call: Call) => RequestContext

/** What every context of a server shares. */
export interface ContextParts {
  readonly ledger: Ledger
  readonly changeLog: ChangeLog
  readonly admission: Admission
}

/** Contexts that read the newest state of the ledger. */
export function contextsOf(parts: ContextParts): CreateContext {
  return (call) => new CallContext(call, parts)
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
  private readonly user: string | null
  private readonly parts: ContextParts
  private madeLoaders: Loaders | undefined

  constructor({ caller, requestId, remoteAddress, user = null }: Call, parts: ContextParts) {
    this.caller = caller
    this.requestId = requestId
    this.remoteAddress = remoteAddress
    this.user = user
    this.snapshot = parts.ledger.snapshot
    this.parts = parts
    this.madeLoaders = undefined
  }

  get loaders(): Loaders {
    this.madeLoaders ??= createLoaders(this.parts.changeLog)
    return this.madeLoaders
  }

  get subjects(): RateLimitSubjects {
    return { ip: this.remoteAddress, clientId: isAnonymous(this.caller) ? null : this.caller.id, user: this.user }
  }

  admit(mutation: string): undefined | Promise<void> {
    return this.parts.admission(mutation, this)
  }
}
