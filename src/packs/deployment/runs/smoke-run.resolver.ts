import { Arg, Args, Ctx, ID, Mutation, Query, Resolver, Root, Subscription } from 'type-graphql'
import { type UserErrorData, userError } from '../../../core/contract/errors.js'
import { Operation } from '../../../core/contract/operation.js'
import { ReadsRows } from '../../../core/graphql/bounds/rows.js'
import { type Page, PageArgs } from '../../../core/graphql/connection.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { SMOKE_READ, SMOKE_RUN } from '../checks/smoke-check.collection.js'
import { selectRun } from './run-selection.js'
import { RunSmokeTestInput, RunSmokeTestPayload, SmokeTestRunConnection } from './smoke-run.types.js'
import { smokeRunner } from './smoke-runner.js'
import { SmokeCheckResult, SmokeTestRun } from './smoke-test.types.js'

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

  @Mutation(() => RunSmokeTestPayload, {
    description:
      'Probes the running service over HTTP, from outside in, and answers once every check has ended (follow it with smokeTestProgress). One run at a time on each replica.',
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
    return { run: await slot.run(caller, selected.selection), userErrors: [] }
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

function refused(userErrors: readonly UserErrorData[]): RunSmokeTestPayload {
  return { run: null, userErrors }
}
