import { Arg, Args, Ctx, ID, Int, Mutation, Query, Resolver, Root, Subscription } from 'type-graphql'
import { AppError, type UserErrorData, userError } from '../../../core/contract/errors.js'
import { Operation } from '../../../core/contract/operation.js'
import { Holds } from '../../../core/graphql/bounds/list-length.js'
import { ReadsRows } from '../../../core/graphql/bounds/rows.js'
import { type Page, PageArgs } from '../../../core/graphql/connection.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { demandAskable } from '../../../core/graphql/filter.js'
import { SMOKE_READ, SMOKE_RUN } from '../checks/smoke-check.collection.js'
import { selectRun } from './run-selection.js'
import { MAX_DAYS, SmokeDay, smokeHistory } from './smoke-history.js'
import { RunSmokeTestInput, RunSmokeTestPayload, SmokeTestRunConnection } from './smoke-run.types.js'
import { smokeRunner } from './smoke-runner.js'
import { SmokeCheckResult, SmokeTestRun } from './smoke-test.types.js'

/** How many days a history has whose length nobody says. */
const USUAL_DAYS = 90

/** What TypeGraphQL hands to a `subscribe` function. */
interface SubscribeCall {
  readonly args: { readonly runId: string }
  readonly context: RequestContext
}

@Resolver(() => SmokeTestRun)
export class SmokeRunResolver {
  @Query(() => SmokeTestRun, { nullable: true, description: 'One run by its id, as far as it has come; null when there is none.' })
  @Operation({ permission: SMOKE_READ })
  @ReadsRows()
  smokeTestRun(
    @Ctx() { core }: RequestContext,
    @Arg('id', () => ID, { description: 'The id of the run.' }) id: string,
  ): Promise<SmokeTestRun | null> {
    return core.once(smokeRunner).runs.find(id)
  }

  @Query(() => SmokeTestRunConnection, { description: 'Runs of the smoke test, newest first; the newest 1,000 are kept.' })
  @Operation({ permission: SMOKE_READ })
  @ReadsRows()
  smokeTestRuns(@Ctx() { core }: RequestContext, @Args(() => PageArgs) args: PageArgs): Promise<Page<SmokeTestRun>> {
    return core.once(smokeRunner).runs.page(args)
  }

  @Query(() => [SmokeDay], {
    description: 'The kept runs of the smoke test by day (UTC), the oldest day first and today last, days without a run too.',
  })
  @Operation({ permission: SMOKE_READ })
  @ReadsRows()
  @Holds(({ days }) => Number(days ?? USUAL_DAYS))
  async smokeHistory(
    @Ctx() { core }: RequestContext,
    @Arg('days', () => Int, { nullable: true, defaultValue: USUAL_DAYS, description: `How many days, 1 to ${MAX_DAYS}.` }) days?:
      | number
      | null,
    @Arg('check', () => String, { nullable: true, description: 'What this check found, instead of whole runs.' }) check?: string | null,
  ): Promise<SmokeDay[]> {
    demandAskable({ check })
    return smokeHistory(core.database, { days: demandDays(days ?? USUAL_DAYS), check: check ?? null, now: core.clock.now() })
  }

  @Mutation(() => RunSmokeTestPayload, {
    description:
      'Probes the running service over HTTP, from outside in, and answers once every check has ended, or at once with `wait: false` (follow it with smokeTestProgress). One run at a time on each replica.',
  })
  @Operation({ permission: SMOKE_RUN, allowedDuring: 'always', cost: 10 })
  async runSmokeTest(
    @Ctx() { core, caller }: RequestContext,
    @Arg('input', () => RunSmokeTestInput, { nullable: true, description: 'Left out: every enabled check, at this service itself.' })
    input?: RunSmokeTestInput | null,
  ): Promise<RunSmokeTestPayload> {
    const selected = selectRun(core, input ?? {})
    if (!selected.ok) return refused(selected.userErrors)
    const slot = core.once(smokeRunner).reserve()
    if (!slot)
      return refused([userError('INVALID_STATE', [], 'Another smoke test is under way on this replica. Try again in a few seconds.')])
    const { run, ended } = slot.begin(caller, selected.selection)
    if (input?.wait !== false) return { run: await ended, userErrors: [] }
    ended.catch((error: unknown) => core.log.error({ err: error, runId: run.id }, 'a smoke test came to nothing'))
    return { run, userErrors: [] }
  }

  @Subscription(() => SmokeTestRun, {
    name: 'smokeTestRuns',
    subscribe: ({ context }: Pick<SubscribeCall, 'context'>) => context.core.once(smokeRunner).runs.follow(),
    description:
      'Each run as it begins and as it ends, whoever started it; those of other replicas as they end, within seconds. One that came to nothing ends too, not ok, and is not kept.',
  })
  @Operation({ permission: SMOKE_READ })
  smokeTestRunEvents(@Root() run: SmokeTestRun): SmokeTestRun {
    return run
  }

  @Subscription(() => SmokeCheckResult, {
    subscribe: ({ args, context }: SubscribeCall) => context.core.once(smokeRunner).runs.watch(args.runId),
    description:
      'What each check of a run finds, as it ends, what was found before first; completes with the run. A run under way is known to the replica that runs it.',
  })
  @Operation({ permission: SMOKE_READ })
  smokeTestProgress(
    @Root() result: SmokeCheckResult,
    @Arg('runId', () => ID, { description: 'The id of the run; smokeTestRuns lists the one under way first.' }) _runId: string,
  ): SmokeCheckResult {
    return result
  }
}

function demandDays(days: number): number {
  if (days >= 1 && days <= MAX_DAYS) return days
  throw new AppError('BAD_USER_INPUT', `The argument \`days\` must be between 1 and ${MAX_DAYS}, is ${days}.`)
}

function refused(userErrors: readonly UserErrorData[]): RunSmokeTestPayload {
  return { run: null, userErrors }
}
