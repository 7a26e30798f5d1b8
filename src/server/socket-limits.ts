import { type ExecutionArgs, type GraphQLError, getOperationAST } from 'graphql'
import type { RequestContext } from '../core/graphql/context.js'
import type { Admission, OperationLimiter } from '../enforcement/rate-limits/operation-limiter.js'

/** What is executed, or shown instead. */
export type Prepared = ExecutionArgs | readonly GraphQLError[]

/** Counts an operation over a WebSocket before it is executed: a subscription once, when it begins. */
export function limitPrepared(prepared: ExecutionArgs, limits: OperationLimiter): Prepared | Promise<Prepared> {
  const { document, operationName } = prepared
  const context = prepared.contextValue as RequestContext
  const operation = getOperationAST(document, operationName)
  if (!operation || limits.isIdle(context.snapshot)) return prepared
  const settle = ({ error }: Admission): Prepared => (error ? [error] : prepared)
  const admission = limits.admit({ document, operation, context })
  return admission instanceof Promise ? admission.then(settle) : settle(admission)
}

/** Counts a document that was refused, and says what its client is shown: what is wrong with it, or that it asks too often. */
export function limitRefused(
  faults: readonly GraphQLError[],
  context: RequestContext,
  limits: OperationLimiter,
): Prepared | Promise<Prepared> {
  if (limits.isIdle(context.snapshot)) return faults
  const settle = ({ error }: Admission): Prepared => (error ? [error] : faults)
  const admission = limits.admitRefused(context)
  return admission instanceof Promise ? admission.then(settle) : settle(admission)
}
