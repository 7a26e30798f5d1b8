import { Arg, Args, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql'
import { Operation } from '../../core/contract/operation.js'
import { ReadsRows } from '../../core/graphql/bounds/rows.js'
import { Change } from '../../core/graphql/change.types.js'
import { type Page, PageArgs, pageOfView } from '../../core/graphql/connection.js'
import type { RequestContext } from '../../core/graphql/context.js'
import { lastChangeOf } from '../../core/graphql/history.js'
import type { ChangeEntry } from '../../core/state/change.js'
import { ruleKey } from './rate-limit-key.js'
import { LIMITS_READ, type RateLimitRuleRecord, rateLimitRuleCollection } from './rate-limit-rule.collection.js'
import { RateLimitRuleFilter } from './rate-limit-rule.inputs.js'
import { RateLimitRule, RateLimitRuleConnection, RateLimitSnapshotConnection } from './rate-limit-rule.types.js'
import { type CounterRow, pageOfRuleCounters } from './rate-limit-snapshots.js'

@Resolver(() => RateLimitRule)
export class RateLimitRuleResolver {
  @Query(() => RateLimitRule, { nullable: true, description: 'One rule by its id; null when there is none.' })
  @Operation({ permission: LIMITS_READ })
  rateLimitRule(
    @Ctx() context: RequestContext,
    @Arg('id', () => ID, { description: "The rule's `id`." }) id: string,
  ): RateLimitRuleRecord | null {
    return context.snapshot.view(rateLimitRuleCollection).get(id) ?? null
  }

  @Query(() => RateLimitRuleConnection, { description: 'Rules in the order in which they were made.' })
  @Operation({ permission: LIMITS_READ })
  rateLimitRules(
    @Ctx() context: RequestContext,
    @Args(() => PageArgs) args: PageArgs,
    @Arg('filter', () => RateLimitRuleFilter, { nullable: true, description: 'Which ones; left out: all.' })
    filter?: RateLimitRuleFilter | null,
  ): Page<RateLimitRuleRecord> | Promise<Page<RateLimitRuleRecord>> {
    const matches = filter ? (rule: RateLimitRuleRecord) => isMeant(rule, filter) : undefined
    return pageOfView(context.snapshot, rateLimitRuleCollection, { args, matches })
  }

  @FieldResolver(() => Change, { nullable: true, description: 'Its newest change.' })
  @ReadsRows()
  lastChange(@Ctx() context: RequestContext, @Root() rule: RateLimitRuleRecord): Promise<ChangeEntry | null> {
    return lastChangeOf(context, rateLimitRuleCollection, rule)
  }

  @FieldResolver(() => RateLimitSnapshotConnection, {
    description: 'Its counters as they were last reported, in the order of their subjects.',
  })
  @ReadsRows()
  snapshots(
    @Ctx() context: RequestContext,
    @Root() rule: RateLimitRuleRecord,
    @Args(() => PageArgs) args: PageArgs,
  ): Promise<Page<CounterRow>> {
    return pageOfRuleCounters(context, rule.id, args)
  }
}

function isMeant(rule: RateLimitRuleRecord, { scope, key, isEnabled }: RateLimitRuleFilter): boolean {
  if (scope && rule.scope !== scope) return false
  if (typeof isEnabled === 'boolean' && rule.isEnabled !== isEnabled) return false
  if (typeof key !== 'string' || rule.key === key) return true
  const keyed = ruleKey(rule.scope, key)
  return keyed.ok && rule.key === keyed.key
}
