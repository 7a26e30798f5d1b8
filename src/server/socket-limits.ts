import { type ExecutionArgs, type GraphQLError, getOperationAST } from 'graphql'
import type { RequestContext } from '../core/graphql/context.js'
import type { Admission, OperationLimiter } from '../enforcement/rate-limits/operation-limiter.js'

/** What is executed, or shown instead. */
export type Prepared = ExecutionArgs | readonly GraphQLError[]

/** Counts an operation over a WebSocket before it is executed: a subscription once, when it begins. */
export function limitPrepared(prepared: Prepared, limits: OperationLimiter): Prepared | Promise<Prepared> {
  if (!('document' in prepared)) return prepared
  const { document, operationName } = prepared
  const context = prepared.contextValue as RequestContext
  const operation = getOperationAST(document, operationName)
  if (!operation || limits.isIdle(context.snapshot)) return prepared
  const settle = ({ error }: Admission): Prepared => (error ? [error] : prepared)
  const admission = limits.admit({ document, operation, context })
  return admission instanceof Promise ? admission.then(settle) : settle(admission)
}
