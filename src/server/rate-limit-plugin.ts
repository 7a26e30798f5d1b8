import type { ApolloServerPlugin, GraphQLRequestContextDidResolveOperation, GraphQLRequestListener } from '@apollo/server'
import type { RequestContext } from '../core/graphql/context.js'
import type { OperationLimiter } from '../enforcement/rate-limits/operation-limiter.js'

/** Counts each operation over HTTP before it is executed. Where nothing is limited it takes no part in a request at all. */
export function limitOperations(limiter: OperationLimiter): ApolloServerPlugin<RequestContext> {
  const listener: GraphQLRequestListener<RequestContext> = { didResolveOperation: (call) => limit(call, limiter) }
  return { requestDidStart: async ({ contextValue }) => (limiter.isIdle(contextValue.snapshot) ? undefined : listener) }
}

async function limit(call: GraphQLRequestContextDidResolveOperation<RequestContext>, limiter: OperationLimiter): Promise<void> {
  const { document, operation, contextValue: context, response } = call
  // An operation that is not in the document is told so by Apollo.
  if (!operation) return
  const { headers, error } = await limiter.admit({ document, operation, context })
  for (const [name, value] of Object.entries(headers)) response.http.headers.set(name, value)
  if (error) throw error
}
