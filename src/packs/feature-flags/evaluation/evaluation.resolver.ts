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
import { evaluationTally } from './evaluation-tally.js'

/** Most flags that one call may evaluate. */
const MAX_EVALUATIONS = 10_000
/** A failing flag is logged once in this time, in milliseconds. */
const LOG_EVERY_MS = 60_000

const CONTEXT = { nullable: true, description: 'Who asks, and from where.' }
const DEFAULT = { nullable: true, defaultValue: true, description: 'The answer when there is no such flag, or its evaluation fails.' }

/** What an evaluation needs to know of its call. */
type EvaluatingContext = Pick<RequestContext, 'snapshot' | 'core' | 'caller'>

/** An evaluation, and the revision that it was decided on. */
type RevisedEvaluation = Evaluation & { readonly revision: number }

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
    demandReadable(about)
    return evaluate(context, { key, about, defaultValue }).isEnabled
  }

  @Query(() => FlagEvaluation, { description: 'Whether a flag is on, with its variant and the reason.' })
  @Operation({ permission: FLAGS_EVALUATE, allowedDuring: 'always' })
  evaluateFlag(
    @Ctx() context: EvaluatingContext,
    @Arg('key', () => String, { description: "The flag's key." }) key: string,
    @Arg('context', () => EvaluationContextInput, CONTEXT) about?: EvaluationContextInput | null,
    @Arg('default', () => Boolean, DEFAULT) defaultValue?: boolean | null,
  ): RevisedEvaluation {
    demandReadable(about)
    return { ...evaluate(context, { key, about, defaultValue }), revision: context.snapshot.revision }
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
      description: 'These flags, in this order; one that does not exist is on (reason DEFAULT).',
    })
    keys?: string[] | null,
    @Arg('group', () => String, { nullable: true, description: 'Only flags of this group.' }) group?: string | null,
    @Arg('context', () => EvaluationContextInput, CONTEXT) about?: EvaluationContextInput | null,
  ): readonly (RevisedEvaluation | Promise<RevisedEvaluation>)[] {
    demandReadable(about)
    const { snapshot } = context
    const { revision } = snapshot
    return inTurns(keysOf(snapshot, keys, group), (key) => ({ ...evaluate(context, { key, about, defaultValue: true }), revision }))
  }
}

/** How many flags a call of `evaluateFlags` can answer. */
function countFlags({ keys, group }: Readonly<Record<string, unknown>>, snapshot: Snapshot): number {
  if (Array.isArray(keys)) return keys.length
  if (keys !== undefined && keys !== null) return 1
  const flags = snapshot.view(featureFlagCollection)
  if (typeof group !== 'string') return Math.min(flags.size, MAX_EVALUATIONS)
  let count = 0
  for (const _ of flags.listed('group', group)) if (++count === MAX_EVALUATIONS) break
  return count
}

function keysOf(snapshot: Snapshot, keys?: readonly string[] | null, group?: string | null): readonly string[] {
  const flags = snapshot.view(featureFlagCollection)
  const isOfGroup = (flag: FeatureFlagRecord | undefined): boolean => typeof group !== 'string' || flag?.group === group
  const candidates = typeof group === 'string' ? flags.listed('group', group) : flags.values()
  const wanted: string[] = []
  for (const key of keys ?? allKeys(candidates)) {
    if (isOfGroup(flags.get(key)) && wanted.push(key) > MAX_EVALUATIONS) {
      throw new AppError(
        'BAD_USER_INPUT',
        `At most ${MAX_EVALUATIONS} flags can be evaluated in one call. Name the \`keys\` or a \`group\`.`,
      )
    }
  }
  return wanted
}

function evaluate(
  { core, snapshot, caller }: EvaluatingContext,
  { key, about, defaultValue }: { key: string; about?: EvaluationContextInput | null; defaultValue?: boolean | null },
): Evaluation {
  const flag = snapshot.view(featureFlagCollection).get(key)
  if (flag) core.usage.touch('flag', key)
  const evaluation = evaluateFlag({
    key,
    flag,
    context: about ?? {},
    defaultValue: defaultValue ?? true,
    now: core.clock.now(),
    isExplained: caller.permissions.has(FLAGS_EXPLAIN),
    random: Math.random,
    onError: (error) => core.once(evaluationFaults).report(key, error),
  })
  core.once(evaluationTally).count(evaluation, flag !== undefined)
  return evaluation
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

function* allKeys(flags: Iterable<FeatureFlagRecord>): Generator<string> {
  for (const { key } of flags) yield key
}
