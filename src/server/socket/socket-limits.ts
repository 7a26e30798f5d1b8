import { type ExecutionArgs, type GraphQLError, getOperationAST } from 'graphql'
import type { RequestContext } from '../../core/graphql/context.js'
import type { Admission, OperationLimiter } from '../../enforcement/rate-limits/operation-limiter.js'

/** What is executed, or shown instead. */
export type Prepared = ExecutionArgs | readonly GraphQLError[]

/** Weighs and counts an operation over a WebSocket before it is executed: a subscription once, when it begins. */
export function limitPrepared(prepared: ExecutionArgs, limits: OperationLimiter): Prepared | Promise<Prepared> {
  const { document, operationName, variableValues } = prepared
  const context = prepared.contextValue as RequestContext
  const operation = getOperationAST(document, operationName)
  if (!operation) return prepared
  return unlessDenied(limits.admit({ document, operation, variables: variableValues ?? {}, context }), prepared)
}

/** Counts a document that was refused, and says what its client is shown: what is wrong with it, or that it asks too often. */
export function limitRefused(
  faults: readonly GraphQLError[],
  context: RequestContext,
  limits: OperationLimiter,
): Prepared | Promise<Prepared> {
  return unlessDenied(limits.admitRefused(context), faults)
}

function unlessDenied(admission: Admission | Promise<Admission>, prepared: Prepared): Prepared | Promise<Prepared> {
  const settle = ({ error }: Admission): Prepared => (error ? [error] : prepared)
  return admission instanceof Promise ? admission.then(settle) : settle(admission)
}
