import type { Caller } from '../../core/contract/caller.js'
import type { CoreServices } from '../../core/contract/core-services.js'
import type { RateLimitSubjects } from '../../core/contract/limiter.js'
import { Once, type Part } from '../../core/contract/once.js'
import type { RequestContext } from '../../core/graphql/context.js'
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

/** Contexts that read the newest state of the ledger. */
export function contextsOf(core: CoreServices, admission: Admission): CreateContext {
  return (call) => new CallContext(call, core, admission)
}

/** No `#private` members: Apollo copies every context with Object.assign. What most reads do not need is made when it is. */
class CallContext implements RequestContext {
  readonly caller: Caller
  readonly requestId: string
  readonly remoteAddress: string
  readonly core: CoreServices
  snapshot: Snapshot
  private readonly user: string | null
  private readonly admission: Admission
  private parts: Once<RequestContext> | undefined

  constructor({ caller, requestId, remoteAddress, user = null }: Call, core: CoreServices, admission: Admission) {
    this.caller = caller
    this.requestId = requestId
    this.remoteAddress = remoteAddress
    this.core = core
    this.snapshot = core.ledger.snapshot
    this.user = user
    this.admission = admission
    this.parts = undefined
  }

  get subjects(): RateLimitSubjects {
    return { ip: this.remoteAddress, clientId: isAnonymous(this.caller) ? null : this.caller.id, user: this.user }
  }

  once<T>(part: Part<RequestContext, T>): T {
    this.parts ??= new Once<RequestContext>(this)
    return this.parts.get(part)
  }

  admit(mutation: string, { isOverride } = { isOverride: false }): undefined | Promise<void> {
    return this.admission(mutation, this, isOverride)
  }
}
