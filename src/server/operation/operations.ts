import type { ExecutionResult, FormattedExecutionResult, GraphQLError, GraphQLFormattedError } from 'graphql'
import type { AuditSink } from '../../core/background/audit.js'
import { findTooLarge } from '../../core/graphql/bounds/answer-budget.js'
import type { RequestContext } from '../../core/graphql/context.js'
import type { Clock } from '../../core/platform/clock.js'
import { after } from '../../core/values/after.js'
import type { Admission, OperationLimiter } from '../../enforcement/rate-limits/operation-limiter.js'
import { OverloadError } from '../load/load-gate.js'
import type { Metrics } from '../metrics.js'
import { auditCall } from './audit-calls.js'
import type { Call } from './context.js'
import type { ErrorMask } from './mask-errors.js'
import { outcomeOf } from './outcome.js'
import type { PreparedOperation, Variables } from './prepared-operation.js'
import type { Way, WayTally } from './ways.js'

/** What operations are run with. */
export interface OperationParts {
  readonly limits: OperationLimiter
  readonly mask: ErrorMask
  readonly audit: AuditSink
  readonly metrics: Pick<Metrics, 'observe'>
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly tally: WayTally
}

/** An operation that somebody wants to be run. */
export interface AskedOperation {
  readonly prepared: PreparedOperation
  readonly context: RequestContext
  readonly variables: Variables
  /** When it arrived, by the monotonic clock. */
  readonly startedAtMs: number
  readonly way: Way
}

/** What is answered. */
export interface Answered {
  /** As it is shown. */
  readonly result: FormattedExecutionResult
  /** The errors behind those that are shown: what they want of an answer over HTTP is in their extensions. */
  readonly errors: readonly GraphQLError[]
  /** What the rate limits tell in headers. */
  readonly headers: Readonly<Record<string, string>>
}

/** Something that went wrong before there was an answer. */
export interface FailedCall {
  readonly errors: readonly GraphQLError[]
  readonly call: Call
  /** Where it was found out which operation it is. */
  readonly prepared?: PreparedOperation | undefined
  /** Left out for what was not looked at any closer. */
  readonly startedAtMs?: number
}

const NO_ERRORS: readonly GraphQLError[] = []
const NO_HEADERS: Readonly<Record<string, string>> = {}

/**
 * The one way of every operation, whatever it came by: rate limits, execution (with the guard on each root field), masking of what is
 * not to be seen, audit, metrics.
 */
export class Operations {
  readonly #parts: OperationParts

  constructor(parts: OperationParts) {
    this.#parts = parts
  }

  /** Runs an operation of a valid document, from its limits to its answer. Never fails. */
  run(asked: AskedOperation): Answered | Promise<Answered> {
    return after(this.admit(asked), ({ headers, error }) => {
      if (error) return { ...this.fail({ ...asked, call: asked.context, errors: [error] }), headers }
      return after(this.perform(asked), (answered) => ({ ...answered, headers }))
    })
  }

  /** Weighs and counts an operation: a subscription once, when it begins. */
  admit({ prepared, context, variables }: AskedOperation): Admission | Promise<Admission> {
    const { document, operation } = prepared
    return this.#parts.limits.admit({ document, operation, variables, context })
  }

  /** Executes an operation that was admitted. */
  perform(asked: AskedOperation): Answered | Promise<Answered> {
    const { prepared, context, variables, way } = asked
    this.#parts.tally[way] += 1
    return after(prepared.execute(context, variables), (result) => this.finish(asked, result))
  }

  /** What is shown of the only result of an operation, which is counted. */
  finish(asked: AskedOperation, result: ExecutionResult): Answered {
    const answered = this.settle(asked, result)
    this.observe(asked, outcomeOf(answered.result))
    return answered
  }

  /** What is shown of a result, which is audited. */
  settle({ prepared, context }: Pick<AskedOperation, 'prepared' | 'context'>, result: ExecutionResult): Answered {
    if (!result.errors) return { result: result as FormattedExecutionResult, errors: NO_ERRORS, headers: NO_HEADERS }
    const { mask, audit } = this.#parts
    const tooLarge = findTooLarge(result.errors)
    // It takes the place of the whole answer.
    const { errors = NO_ERRORS, ...rest } = tooLarge ? { errors: [tooLarge] } : result
    const shown = mask.mask(errors, context.requestId)
    auditCall(audit, { call: context, prepared, errors: shown })
    return { result: { ...rest, errors: shown }, errors, headers: NO_HEADERS }
  }

  /** Counts how an operation came out. */
  observe({ prepared, startedAtMs }: Pick<AskedOperation, 'prepared' | 'startedAtMs'>, outcome: string): void {
    const { metrics, clock } = this.#parts
    metrics.observe({ operation: prepared.label, outcome, durationSeconds: (clock.monotonicMs() - startedAtMs) / 1000 })
  }

  /** Counts a document that is not executed, and says what its sender is shown: its faults, or that it asks too often. */
  refuse(context: RequestContext, faults: readonly GraphQLError[]): Answered | Promise<Answered> {
    return after(this.countRefused(context), ({ headers, error }) => ({
      ...this.fail({ errors: error ? [error] : faults, call: context }),
      headers,
    }))
  }

  /** Counts a document that is not executed. */
  countRefused(context: RequestContext): Admission | Promise<Admission> {
    return this.#parts.limits.admitRefused(context)
  }

  /** Masks, audits and counts what went wrong. What was shed is not audited: nobody was denied anything, and it is many. */
  fail({ errors, call, prepared, startedAtMs }: FailedCall): Answered {
    const { mask, audit, metrics, clock } = this.#parts
    const shown: GraphQLFormattedError[] = mask.mask(errors, call.requestId)
    if (!errors.some((error) => error instanceof OverloadError)) auditCall(audit, { call, prepared, errors: shown })
    metrics.observe({
      operation: prepared?.label ?? 'none',
      outcome: outcomeOf({ errors: shown }),
      ...(startedAtMs === undefined ? {} : { durationSeconds: (clock.monotonicMs() - startedAtMs) / 1000 }),
    })
    return { result: { errors: shown }, errors, headers: NO_HEADERS }
  }
}
