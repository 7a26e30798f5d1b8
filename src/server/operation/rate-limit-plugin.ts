import type {
  ApolloServerPlugin,
  GraphQLRequestContext,
  GraphQLRequestContextDidEncounterErrors,
  GraphQLRequestContextDidResolveOperation,
  GraphQLRequestContextWillSendResponse,
  GraphQLRequestListener,
} from '@apollo/server'
import { findTooLarge } from '../../core/graphql/bounds/answer-budget.js'
import type { RequestContext } from '../../core/graphql/context.js'
import type { Admission, OperationLimiter } from '../../enforcement/rate-limits/operation-limiter.js'
import { shownFault } from '../http/answer.js'

/**
 * Weighs and counts each operation over HTTP before it is executed, and counts each document that is not even executed. Stands
 * before the plugins that look at answers.
 */
export function limitOperations(limiter: OperationLimiter): ApolloServerPlugin<RequestContext> {
  return { requestDidStart: async () => new LimitedRequest(limiter) }
}

class LimitedRequest implements GraphQLRequestListener<RequestContext> {
  readonly #limiter: OperationLimiter
  #isCounted = false
  /** Stands in place of the whole answer. */
  #refusal: Admission['error']

  constructor(limiter: OperationLimiter) {
    this.#limiter = limiter
  }

  async didResolveOperation(call: GraphQLRequestContextDidResolveOperation<RequestContext>): Promise<void> {
    const { document, operation, request, contextValue: context } = call
    // An operation that is not in the document is told so by Apollo.
    if (!operation) return
    this.#isCounted = true
    const variables = request.variables ?? {}
    const error = announce(await this.#limiter.admit({ document, operation, variables, context }), call)
    if (error) throw error
  }

  async didEncounterErrors(call: GraphQLRequestContextDidEncounterErrors<RequestContext>): Promise<void> {
    this.#refusal = findTooLarge(call.errors)
    if (this.#isCounted) return
    this.#isCounted = true
    this.#refusal = announce(await this.#limiter.admitRefused(call.contextValue), call)
  }

  /** Waits for nothing, so that whoever comes next sees what is really sent. */
  willSendResponse({ response }: GraphQLRequestContextWillSendResponse<RequestContext>): Promise<void> {
    if (this.#refusal) {
      response.body = { kind: 'single', singleResult: { errors: [shownFault(this.#refusal)] } }
      response.http.status = this.#refusal.status
      for (const [name, value] of this.#refusal.headers) response.http.headers.set(name, value)
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
