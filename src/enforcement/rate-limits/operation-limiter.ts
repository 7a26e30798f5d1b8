import type { DocumentNode, GraphQLSchema, OperationDefinitionNode } from 'graphql'
import { AppError } from '../../core/contract/errors.js'
import type { Decision, RateLimiter, RuleDecision } from '../../core/contract/limiter.js'
import type { RequestContext } from '../../core/graphql/context.js'
import { operationCosts } from './operation-cost.js'
import { createScales, MAX_WEIGHT, type Weight } from './operation-weight.js'

/** An operation that was parsed and validated, and is about to be executed. */
export interface PendingOperation {
  readonly document: DocumentNode
  readonly operation: OperationDefinitionNode
  /** As they were sent. */
  readonly variables: Readonly<Record<string, unknown>>
  readonly context: RequestContext
}

/** What the limits say to an operation. */
export interface Admission {
  /** Headers that the answer over HTTP carries; none when no rule applied. */
  readonly headers: Readonly<Record<string, string>>
  /** With this the operation is refused. */
  readonly error: AppError | undefined
}

/** Weighs and counts operations before they are executed, on every way in. */
export interface OperationLimiter {
  /** Refuses what asks for too many objects, then what asks too often. A promise only when counters are not in memory. */
  admit(pending: PendingOperation): Admission | Promise<Admission>
  /** Counts a document that is not executed (syntax, validation, limits) as one unit: reading it has cost something, too. */
  admitRefused(context: RequestContext): Admission | Promise<Admission>
}

/** What a document costs that is not executed. */
const REFUSED_COST = 1
/** So many objects cost one unit more. */
const OBJECTS_PER_UNIT = 100

/** A limiter of the operations of a schema. */
export function createOperationLimiter(schema: GraphQLSchema, limiter: RateLimiter): OperationLimiter {
  const costOf = operationCosts(schema)
  const weigh = createScales(schema)
  const take = ({ snapshot, subjects }: RequestContext, cost: number): Admission | Promise<Admission> => {
    const decision = limiter.consume({ snapshot, subjects, cost })
    return decision instanceof Promise ? decision.then((decided) => admissionOf(decided, cost)) : admissionOf(decision, cost)
  }
  const refuse = (context: RequestContext, fault: AppError): Admission | Promise<Admission> => {
    const withFault = ({ headers, error = fault }: Admission): Admission => ({ headers, error })
    const admission = take(context, REFUSED_COST)
    return admission instanceof Promise ? admission.then(withFault) : withFault(admission)
  }
  return {
    admit({ document, operation, variables, context }) {
      const weight = weigh({ document, operation, variables, snapshot: context.snapshot })
      if (weight.objects > MAX_WEIGHT) return refuse(context, tooHeavy(weight))
      return take(context, costOf(document, operation, context.caller) + Math.floor(weight.objects / OBJECTS_PER_UNIT))
    },
    admitRefused: (context) => take(context, REFUSED_COST),
  }
}

/** Names the weight and the list that causes it. */
function tooHeavy({ objects, heaviest: { path, objects: most } }: Weight): AppError {
  const message = `This operation asks for up to ${objects} objects; one call may ask for ${MAX_WEIGHT}. The most come from the list \`${path}\` (up to ${most}): give it or the lists around it a smaller \`first\`, or ask in several calls.`
  return new AppError('BAD_USER_INPUT', message, { extensions: { weight: objects, allowed: MAX_WEIGHT, list: path } })
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

/** Says what the call costs and what is left: who cannot wait can ask for less. */
function denial({ rules, retryAfterSeconds }: Decision, cost: number): AppError {
  const denying = rules.filter(({ isAllowed }) => !isAllowed)
  const names = denying.map(describe).join(' and ')
  const remaining = Math.min(...denying.map((rule) => rule.remaining))
  if (retryAfterSeconds === null) {
    const message = `This call costs ${cost}, which is more than the rate limit ${names} ever allows. Ask for less at once.`
    return new AppError('RATE_LIMITED', message, { extensions: { cost, remaining } })
  }
  const seconds = Math.ceil(retryAfterSeconds)
  const message = `The rate limit ${names} does not allow this call now: it costs ${cost}, and ${remaining} is left. Try again in ${seconds} s.`
  return new AppError('RATE_LIMITED', message, { retryAfterSeconds, extensions: { cost, remaining } })
}

function describe({ name, limit, windowSeconds }: RuleDecision): string {
  return `"${name}" (${limit} in ${windowSeconds} s)`
}
