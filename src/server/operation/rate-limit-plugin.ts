import type {
  ApolloServerPlugin,
  GraphQLRequestContext,
  GraphQLRequestContextDidResolveOperation,
  GraphQLRequestContextWillSendResponse,
  GraphQLRequestListener,
} from '@apollo/server'
import type { RequestContext } from '../../core/graphql/context.js'
import type { Admission, OperationLimiter } from '../../enforcement/rate-limits/operation-limiter.js'
import { shownFault } from '../http/answer.js'

/**
 * Counts each operation over HTTP before it is executed, and each document that is not even executed. Where nothing is
 * limited it takes no part in a request at all. Stands before the plugins that look at answers.
 */
export function limitOperations(limiter: OperationLimiter): ApolloServerPlugin<RequestContext> {
  return {
    requestDidStart: async ({ contextValue }) => (limiter.isIdle(contextValue.snapshot) ? undefined : new LimitedRequest(limiter)),
  }
}

class LimitedRequest implements GraphQLRequestListener<RequestContext> {
  readonly #limiter: OperationLimiter
  #isCounted = false
  #denial: Admission['error']

  constructor(limiter: OperationLimiter) {
    this.#limiter = limiter
  }

  async didResolveOperation(call: GraphQLRequestContextDidResolveOperation<RequestContext>): Promise<void> {
    const { document, operation, contextValue: context } = call
    // An operation that is not in the document is told so by Apollo.
    if (!operation) return
    this.#isCounted = true
    const error = announce(await this.#limiter.admit({ document, operation, context }), call)
    if (error) throw error
  }

  async didEncounterErrors(call: GraphQLRequestContext<RequestContext>): Promise<void> {
    if (this.#isCounted) return
    this.#isCounted = true
    this.#denial = announce(await this.#limiter.admitRefused(call.contextValue), call)
  }

  /** Waits for nothing, so that whoever comes next sees what is really sent. */
  willSendResponse({ response }: GraphQLRequestContextWillSendResponse<RequestContext>): Promise<void> {
    if (this.#denial) {
      response.body = { kind: 'single', singleResult: { errors: [shownFault(this.#denial)] } }
      response.http.status = this.#denial.status
      for (const [name, value] of this.#denial.headers) response.http.headers.set(name, value)
    }
    return Promise.resolve()
  }
}

/** Puts the headers of the limits on an answer; returns what refuses the request. */
function announce(
  { headers, error }: Admission,
  { response }: Pick<GraphQLRequestContext<RequestContext>, 'response'>,
): Admission['error'] {
  for (const [name, value] of Object.entries(headers)) response.http.headers.set(name, value)
  return error
}
