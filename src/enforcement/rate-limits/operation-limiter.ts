import type { DocumentNode, GraphQLSchema, OperationDefinitionNode } from 'graphql'
import { AppError } from '../../core/contract/errors.js'
import type { Decision, RateLimiter, RuleDecision } from '../../core/contract/limiter.js'
import type { RequestContext } from '../../core/graphql/context.js'
import type { Snapshot } from '../../core/state/snapshot.js'
import { operationCosts } from './operation-cost.js'

/** An operation that was parsed and validated, and is about to be executed. */
export interface PendingOperation {
  readonly document: DocumentNode
  readonly operation: OperationDefinitionNode
  readonly context: RequestContext
}

/** What the limits say to an operation. */
export interface Admission {
  /** Headers that the answer over HTTP carries; none when no rule applied. */
  readonly headers: Readonly<Record<string, string>>
  /** With this the operation is refused. */
  readonly error: AppError | undefined
}

/** Counts operations before they are executed, on every way in. */
export interface OperationLimiter {
  /** Whether nothing is limited in this state. */
  isIdle(snapshot: Snapshot): boolean
  /** A promise only when counters are not in memory. */
  admit(pending: PendingOperation): Admission | Promise<Admission>
  /** Counts a document that is not executed (syntax, validation, limits) as one unit: reading it has cost something, too. */
  admitRefused(context: RequestContext): Admission | Promise<Admission>
}

/** What a document costs that is not executed. */
const REFUSED_COST = 1

/** A limiter of the operations of a schema. */
export function createOperationLimiter(schema: GraphQLSchema, limiter: RateLimiter): OperationLimiter {
  const costOf = operationCosts(schema)
  const take = ({ snapshot, subjects }: RequestContext, cost: number): Admission | Promise<Admission> => {
    const decision = limiter.consume({ snapshot, subjects, cost })
    return decision instanceof Promise ? decision.then((decided) => admissionOf(decided, cost)) : admissionOf(decision, cost)
  }
  return {
    isIdle: (snapshot) => limiter.isIdle(snapshot),
    admit: ({ document, operation, context }) => take(context, costOf(document, operation, context.caller)),
    admitRefused: (context) => take(context, REFUSED_COST),
  }
}

function admissionOf(decision: Decision, cost: number): Admission {
  return { headers: rateLimitHeaders(decision), error: decision.isAllowed ? undefined : denial(decision, cost) }
}

/**
 * The header fields of the IETF draft "RateLimit header fields for HTTP" (draft-ietf-httpapi-ratelimit-headers): lists of
 * structured fields (RFC 9651). A policy has its quota `q` in units of cost and its window `w` in seconds, a limit what is
 * left of it `r`, and `t`, the seconds until the window ends. Shadow rules are nobody's business.
 */
export function rateLimitHeaders({ rules }: Decision): Record<string, string> {
  const shown = rules.filter(({ isShadow }) => !isShadow)
  if (shown.length === 0) return {}
  return {
    'ratelimit-policy': shown.map(({ name, limit, windowSeconds }) => `"${name}";q=${limit};w=${windowSeconds}`).join(', '),
    ratelimit: shown.map(({ name, remaining, resetSeconds }) => `"${name}";r=${remaining};t=${Math.ceil(resetSeconds)}`).join(', '),
  }
}

function denial({ rules, retryAfterSeconds }: Decision, cost: number): AppError {
  const denying = rules.filter(({ isAllowed }) => !isAllowed)
  const names = denying.map(describe).join(' and ')
  if (retryAfterSeconds === null) {
    return new AppError(
      'RATE_LIMITED',
      `This operation costs ${cost}, which is more than the rate limit ${names} ever allows. Ask for less at once.`,
    )
  }
  const seconds = Math.ceil(retryAfterSeconds)
  return new AppError('RATE_LIMITED', `The rate limit ${names} is used up. Try again in ${seconds} s.`, { retryAfterSeconds })
}

function describe({ name, limit, windowSeconds }: RuleDecision): string {
  return `"${name}" (${limit} in ${windowSeconds} s)`
}
