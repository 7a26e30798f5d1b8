import { Arg, Ctx, Query, Resolver } from 'type-graphql'
import type { CoreServices } from '../../../core/contract/core-services.js'
import { AppError } from '../../../core/contract/errors.js'
import { Operation } from '../../../core/contract/operation.js'
import { Holds } from '../../../core/graphql/bounds/list-length.js'
import { inTurns } from '../../../core/graphql/bounds/turns.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import type { Snapshot } from '../../../core/state/snapshot.js'
import { type FeatureFlagRecord, FLAGS_EVALUATE, FLAGS_EXPLAIN, featureFlagCollection } from '../feature-flag.collection.js'
import { EvaluationContextInput } from '../feature-flag.inputs.js'
import { FlagEvaluation } from '../feature-flag.types.js'
import { isPropertyBag } from './context-field.js'
import { evaluateFlag } from './evaluate.js'
import type { Evaluation } from './evaluation.js'
import { EvaluationSubject } from './evaluation-subject.js'
import { type EvaluationTally, evaluationTally } from './evaluation-tally.js'

/** Most flags that one call may evaluate. */
const MAX_EVALUATIONS = 10_000
/** A failing flag is logged once in this time, in milliseconds. */
const LOG_EVERY_MS = 60_000

const CONTEXT = { nullable: true, description: 'Who asks, and from where.' }
const DEFAULT = { nullable: true, defaultValue: true, description: 'The answer when there is no such flag, or its evaluation fails.' }

/** What an evaluation needs to know of its call. */
type EvaluatingContext = Pick<RequestContext, 'snapshot' | 'core' | 'caller'>

@Resolver()
export class EvaluationResolver {
  @Query(() => Boolean, {
    description:
      'Whether a flag is on. A flag that does not exist is your default: applications keep working when somebody deletes a flag.',
  })
  @Operation({ permission: FLAGS_EVALUATE, allowedDuring: 'always' })
  isFeatureEnabled(
    @Ctx() context: EvaluatingContext,
    @Arg('key', () => String, { description: "The flag's key." }) key: string,
    @Arg('context', () => EvaluationContextInput, CONTEXT) about?: EvaluationContextInput | null,
    @Arg('default', () => Boolean, DEFAULT) defaultValue?: boolean | null,
  ): boolean {
    return new Evaluator(context, about).evaluateKey(key, defaultValue).isEnabled
  }

  @Query(() => FlagEvaluation, { description: 'Whether a flag is on, with its variant and the reason.' })
  @Operation({ permission: FLAGS_EVALUATE, allowedDuring: 'always' })
  evaluateFlag(
    @Ctx() context: EvaluatingContext,
    @Arg('key', () => String, { description: "The flag's key." }) key: string,
    @Arg('context', () => EvaluationContextInput, CONTEXT) about?: EvaluationContextInput | null,
    @Arg('default', () => Boolean, DEFAULT) defaultValue?: boolean | null,
  ): Evaluation {
    return new Evaluator(context, about).evaluateKey(key, defaultValue)
  }

  @Query(() => [FlagEvaluation], {
    description: 'Many flags at once, read from one revision: those named, or those of a group, or all of them.',
  })
  @Operation({ permission: FLAGS_EVALUATE, allowedDuring: 'always' })
  @Holds(countFlags)
  evaluateFlags(
    @Ctx() context: EvaluatingContext,
    @Arg('keys', () => [String], {
      nullable: true,
      description: 'These flags, in this order; one that does not exist is on (reason DEFAULT). With `group`, only those that are in it.',
    })
    keys?: string[] | null,
    @Arg('group', () => String, { nullable: true, description: 'Only flags of this group.' }) group?: string | null,
    @Arg('context', () => EvaluationContextInput, CONTEXT) about?: EvaluationContextInput | null,
  ): readonly (Evaluation | Promise<Evaluation>)[] {
    const evaluator = new Evaluator(context, about)
    if (!keys) return inTurns(flagsOf(context.snapshot, group), (flag) => evaluator.evaluate(flag.key, flag))
    const flags = context.snapshot.view(featureFlagCollection)
    const wanted = typeof group === 'string' ? keys.filter((key) => flags.get(key)?.group === group) : keys
    demandFew(wanted.length)
    return inTurns(wanted, (key) => evaluator.evaluateKey(key))
  }
}

/** How many flags a call of `evaluateFlags` can answer. */
function countFlags({ keys, group }: Readonly<Record<string, unknown>>, snapshot: Snapshot): number {
  if (Array.isArray(keys)) return keys.length
  if (keys !== undefined && keys !== null) return 1
  const flags = snapshot.view(featureFlagCollection)
  return Math.min(typeof group === 'string' ? flags.countListed('group', group) : flags.size, MAX_EVALUATIONS)
}

/** The flags of a group, or all of them, in the order of their keys. */
function flagsOf(snapshot: Snapshot, group: string | null | undefined): readonly FeatureFlagRecord[] {
  const flags = snapshot.view(featureFlagCollection)
  const wanted: FeatureFlagRecord[] = []
  for (const flag of typeof group === 'string' ? flags.listed('group', group) : flags.values()) demandFew(wanted.push(flag))
  return wanted
}

function demandFew(count: number): void {
  if (count <= MAX_EVALUATIONS) return
  const message = `At most ${MAX_EVALUATIONS} flags can be evaluated in one call. Name the \`keys\` or a \`group\`.`
  throw new AppError('BAD_USER_INPUT', message)
}

/** Evaluates flags of one state for one context, and counts what comes of it. Throws BAD_USER_INPUT for a context that cannot be read. */
class Evaluator {
  readonly #core: CoreServices
  readonly #snapshot: Snapshot
  readonly #subject: EvaluationSubject
  readonly #isExplained: boolean
  readonly #tally: EvaluationTally

  constructor({ core, snapshot, caller }: EvaluatingContext, about: EvaluationContextInput | null | undefined) {
    demandReadable(about)
    this.#core = core
    this.#snapshot = snapshot
    this.#subject = new EvaluationSubject(about ?? {}, core.clock.now())
    this.#isExplained = caller.permissions.has(FLAGS_EXPLAIN)
    this.#tally = core.once(evaluationTally)
  }

  evaluateKey(key: string, defaultValue?: boolean | null): Evaluation {
    return this.evaluate(key, this.#snapshot.view(featureFlagCollection).get(key), defaultValue)
  }

  /** `flag` is the one of that key; without one `defaultValue` holds. */
  evaluate(key: string, flag: FeatureFlagRecord | undefined, defaultValue?: boolean | null): Evaluation {
    if (flag) this.#core.usage.touch('flag', key)
    const evaluation = evaluateFlag({
      key,
      flag,
      revision: this.#snapshot.revision,
      subject: this.#subject,
      defaultValue: defaultValue ?? true,
      isExplained: this.#isExplained,
      random: Math.random,
      onError: this.#report,
    })
    this.#tally.count(evaluation, flag !== undefined)
    return evaluation
  }

  readonly #report = (error: unknown, key: string): void => this.#core.once(evaluationFaults).report(key, error)
}

/** Logs each failing flag now and then. */
class EvaluationFaults {
  readonly #core: CoreServices
  readonly #loggedAtMs = new Map<string, number>()

  constructor(core: CoreServices) {
    this.#core = core
  }

  report(key: string, error: unknown): void {
    const nowMs = this.#core.clock.monotonicMs()
    if (nowMs - (this.#loggedAtMs.get(key) ?? Number.NEGATIVE_INFINITY) < LOG_EVERY_MS) return
    this.#loggedAtMs.set(key, nowMs)
    this.#core.log.error({ err: error, flag: key }, 'evaluation failed; the default was answered')
  }
}

const evaluationFaults = (core: CoreServices): EvaluationFaults => new EvaluationFaults(core)

/** Throws BAD_USER_INPUT for a context that no constraint could read as it is meant. */
function demandReadable(context: EvaluationContextInput | null | undefined): void {
  const properties = context?.properties ?? null
  if (properties === null || isPropertyBag(properties)) return
  const message =
    'The `properties` of the context must be an object of texts, numbers and booleans, such as { "plan": "pro" }. Leave them out where there are none.'
  throw new AppError('BAD_USER_INPUT', message)
}
