import { Arg, Args, Ctx, FieldResolver, Mutation, Query, Resolver, Root } from 'type-graphql'
import type { Decision } from '../../core/contract/limiter.js'
import { Operation } from '../../core/contract/operation.js'
import { ReadsRows } from '../../core/graphql/bounds/rows.js'
import { type Page, PageArgs } from '../../core/graphql/connection.js'
import type { RequestContext } from '../../core/graphql/context.js'
import { demandAskable } from '../../core/graphql/filter.js'
import { findRangeFaults } from '../../core/values/faults.js'
import { NO_LIMIT, type RateLimitDecision } from './rate-limit-decision.js'
import { countedKey, ruleKey } from './rate-limit-key.js'
import { LIMITS_CONSUME, LIMITS_READ, type RateLimitRuleRecord, rateLimitRuleCollection } from './rate-limit-rule.collection.js'
import { ConsumeRateLimitInput, RateLimitSnapshotFilter } from './rate-limit-rule.inputs.js'
import { ConsumeRateLimitPayload, RateLimitRule, RateLimitSnapshot, RateLimitSnapshotConnection } from './rate-limit-rule.types.js'
import { type CounterRow, pageOfCounters } from './rate-limit-snapshots.js'

const MAX_COST = 1_000_000_000

/** What is counted: counters as they were reported, and counting for others. */
@Resolver(() => RateLimitSnapshot)
export class RateLimitCounterResolver {
  @Query(() => RateLimitSnapshotConnection, {
    description: 'What the rules have counted, as the replicas last reported it (every five seconds), in the order of rules and subjects.',
  })
  @Operation({ permission: LIMITS_READ })
  @ReadsRows()
  rateLimitSnapshots(
    @Ctx() context: RequestContext,
    @Args(() => PageArgs) args: PageArgs,
    @Arg('filter', () => RateLimitSnapshotFilter, { nullable: true, description: 'Which ones; left out: all.' })
    filter?: RateLimitSnapshotFilter | null,
  ): Promise<Page<CounterRow>> {
    demandAskable(filter ?? {})
    const { scope, key } = filter ?? {}
    return pageOfCounters(context, { scope: scope ?? undefined, key: typeof key === 'string' ? asStored(key) : undefined }, args)
  }

  @Mutation(() => ConsumeRateLimitPayload, {
    description:
      'Counts a call of another service under the rules of this control plane, on the same counters. Without a rule on the subject, it is allowed and nothing is counted.',
  })
  @Operation({ permission: LIMITS_CONSUME, allowedDuring: 'always', sample: 'input: { scope: IP, key: "192.0.2.7" }' })
  async consumeRateLimit(
    @Ctx() context: RequestContext,
    @Arg('input', () => ConsumeRateLimitInput, { description: 'The subject and the cost.' }) input: ConsumeRateLimitInput,
  ): Promise<ConsumeRateLimitPayload> {
    const { scope } = input
    const cost = input.cost ?? 1
    const keyed = countedKey(scope, input.key, context.caller.id)
    const costFaults = findRangeFaults(cost, ['cost'], [1, MAX_COST])
    if (!keyed.ok || costFaults.length > 0) return { decision: null, userErrors: [...(keyed.ok ? [] : [keyed.fault]), ...costFaults] }
    const decision = await context.core.limiter.consumeFor({ snapshot: context.snapshot, scope, key: keyed.key, cost })
    return { decision: shown(decision), userErrors: [] }
  }

  @FieldResolver(() => RateLimitRule, { nullable: true, description: 'The rule as it is now; null when it has been deleted.' })
  rule(@Ctx() context: RequestContext, @Root() { ruleId }: CounterRow): RateLimitRuleRecord | null {
    return context.snapshot.view(rateLimitRuleCollection).get(ruleId) ?? null
  }
}

/** The rule in force has the say; only where there is none, a shadow rule is shown. */
function shown({ rules }: Decision): RateLimitDecision {
  return rules.find(({ isShadow }) => !isShadow) ?? rules[0] ?? NO_LIMIT
}

/** Addresses are stored in one way of writing them. */
function asStored(key: string): string {
  const keyed = ruleKey('IP', key)
  return keyed.ok ? keyed.key : key
}
