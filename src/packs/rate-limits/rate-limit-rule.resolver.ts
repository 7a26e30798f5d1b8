import { Arg, Args, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql'
import type { CoreServices } from '../../core/contract/core-services.js'
import { Operation } from '../../core/contract/operation.js'
import { Change } from '../../core/graphql/change.types.js'
import { type Page, PageArgs, pageOfView } from '../../core/graphql/connection.js'
import type { RequestContext } from '../../core/graphql/context.js'
import { lastChangeOf } from '../../core/graphql/history.js'
import { type PayloadBase, toPayload } from '../../core/graphql/payload.js'
import { submit } from '../../core/graphql/submit.js'
import type { ChangeRecord } from '../../core/state/change.js'
import { ruleKey } from './rate-limit-key.js'
import { type RateLimitRuleRecord, rateLimitRules } from './rate-limit-rule.collection.js'
import { deleteRateLimitRule, setRateLimitRule } from './rate-limit-rule.commands.js'
import { DeleteRateLimitRuleInput, RateLimitRuleFilter, SetRateLimitRuleInput } from './rate-limit-rule.inputs.js'
import {
  DeleteRateLimitRulePayload,
  RateLimitRule,
  RateLimitRuleConnection,
  RateLimitSnapshotConnection,
  SetRateLimitRulePayload,
} from './rate-limit-rule.types.js'
import type { RateLimitSnapshotRow, RateLimitSnapshots } from './rate-limit-snapshots.js'

/** Said of both writes: what no limit counts. */
const IS_FREE = 'Costs nothing, so that no rule can keep anybody from mending the rules.'

@Resolver(() => RateLimitRule)
export class RateLimitRuleResolver {
  readonly #core: CoreServices
  readonly #snapshots: RateLimitSnapshots

  constructor(core: CoreServices, snapshots: RateLimitSnapshots) {
    this.#core = core
    this.#snapshots = snapshots
  }

  @Query(() => RateLimitRule, { nullable: true, description: 'One rule by its id; null when there is none.' })
  @Operation({ permission: 'limits:read' })
  rateLimitRule(
    @Ctx() context: RequestContext,
    @Arg('id', () => ID, { description: "The rule's `id`." }) id: string,
  ): RateLimitRuleRecord | null {
    return context.snapshot.view(rateLimitRules).get(id) ?? null
  }

  @Query(() => RateLimitRuleConnection, { description: 'Rules in the order in which they were made.' })
  @Operation({ permission: 'limits:read' })
  rateLimitRules(
    @Ctx() context: RequestContext,
    @Args(() => PageArgs) args: PageArgs,
    @Arg('filter', () => RateLimitRuleFilter, { nullable: true, description: 'Which ones; left out: all.' })
    filter?: RateLimitRuleFilter | null,
  ): Page<RateLimitRuleRecord> {
    const matches = filter ? (rule: RateLimitRuleRecord) => isMeant(rule, filter) : undefined
    return pageOfView(context.snapshot, rateLimitRules, { args, matches })
  }

  @Mutation(() => SetRateLimitRulePayload, {
    description: `Makes the rule of a scope and key, or changes it; it is in force on every replica within a second. Setting what is already there changes nothing. ${IS_FREE}`,
  })
  @Operation({
    permission: 'limits:write',
    writes: true,
    cost: 0,
    sample: 'input: { scope: GLOBAL, maxRequests: 100000, windowSeconds: 60, isShadow: true }',
  })
  async setRateLimitRule(
    @Ctx() context: RequestContext,
    @Arg('input', () => SetRateLimitRuleInput, { description: 'The scope, the key, and what is to be changed.' })
    input: SetRateLimitRuleInput,
  ): Promise<PayloadBase> {
    return toPayload('rateLimitRule', await submit(this.#core.ledger, context, { command: setRateLimitRule, input }))
  }

  @Mutation(() => DeleteRateLimitRulePayload, { description: `Deletes a rule. Its history stays in the change log. ${IS_FREE}` })
  @Operation({ permission: 'limits:write', writes: true, cost: 0 })
  async deleteRateLimitRule(
    @Ctx() context: RequestContext,
    @Arg('input', () => DeleteRateLimitRuleInput, { description: "The rule's `id`." }) input: DeleteRateLimitRuleInput,
  ): Promise<PayloadBase> {
    return toPayload('deletedId', await submit(this.#core.ledger, context, { command: deleteRateLimitRule, input }))
  }

  @FieldResolver(() => Change, { nullable: true, description: 'Its newest change.' })
  lastChange(@Ctx() context: RequestContext, @Root() rule: RateLimitRuleRecord): Promise<ChangeRecord | null> {
    return lastChangeOf(context, rateLimitRules, rule)
  }

  @FieldResolver(() => RateLimitSnapshotConnection, {
    description: 'Its counters as they were last reported, in the order of their subjects.',
  })
  snapshots(
    @Ctx() context: RequestContext,
    @Root() rule: RateLimitRuleRecord,
    @Args(() => PageArgs) args: PageArgs,
  ): Promise<Page<RateLimitSnapshotRow>> {
    return this.#snapshots.pageOfRule(rule.id, args, context)
  }
}

function isMeant(rule: RateLimitRuleRecord, { scope, key, isEnabled }: RateLimitRuleFilter): boolean {
  if (scope && rule.scope !== scope) return false
  if (typeof isEnabled === 'boolean' && rule.isEnabled !== isEnabled) return false
  if (typeof key !== 'string' || rule.key === key) return true
  const keyed = ruleKey(rule.scope, key)
  return keyed.ok && rule.key === keyed.key
}
