import { Arg, Args, Ctx, FieldResolver, Query, Resolver, Root } from 'type-graphql'
import type { CoreServices } from '../../core/contract/core-services.js'
import { Operation } from '../../core/contract/operation.js'
import { Holds } from '../../core/graphql/bounds/list-length.js'
import { Change, ChangeConnection } from '../../core/graphql/change.types.js'
import { type Page, PageArgs } from '../../core/graphql/connection.js'
import type { RequestContext } from '../../core/graphql/context.js'
import { historyOf, lastChangeOf } from '../../core/graphql/history.js'
import { type Order, orderOf, pageInOrder } from '../../core/graphql/lists/ordered-page.js'
import { DateTimeISO } from '../../core/graphql/scalars.js'
import type { ChangeEntry } from '../../core/state/change.js'
import { type FeatureFlagRecord, FLAGS_READ, featureFlagCollection } from './feature-flag.collection.js'
import { FeatureFlagFilter } from './feature-flag.inputs.js'
import { FeatureFlag, FeatureFlagConnection, type FlagOrder, FlagOrders } from './feature-flag.types.js'
import { countGroups, FlagGroup, groupsOf } from './lists/flag-group.js'
import { flagUse, lastEvaluatedAt } from './lists/flag-use.js'

@Resolver(() => FeatureFlag)
export class FeatureFlagResolver {
  @Query(() => FeatureFlag, { nullable: true, description: 'One flag by its key; null when there is none.' })
  @Operation({ permission: FLAGS_READ })
  featureFlag(
    @Ctx() context: RequestContext,
    @Arg('key', () => String, { description: "The flag's key." }) key: string,
  ): FeatureFlagRecord | null {
    return context.snapshot.view(featureFlagCollection).get(key) ?? null
  }

  @Query(() => FeatureFlagConnection, { description: 'Flags, in the order of their keys if not told otherwise.' })
  @Operation({ permission: FLAGS_READ })
  featureFlags(
    @Ctx() context: RequestContext,
    @Args(() => PageArgs) args: PageArgs,
    @Arg('filter', () => FeatureFlagFilter, { nullable: true, description: 'Which ones; left out: all.' })
    filter?: FeatureFlagFilter | null,
    @Arg('orderBy', () => FlagOrders, { nullable: true, defaultValue: 'KEY', description: 'How they are sorted.' })
    orderBy?: FlagOrder | null,
  ): Page<FeatureFlagRecord> | Promise<Page<FeatureFlagRecord>> {
    const { core, snapshot } = context
    const { group, keys, prefix, ...others } = filter ?? {}
    const matches = Object.keys(others).length > 0 ? matcherOf(others, core) : undefined
    const within = typeof group === 'string' ? { listing: 'group', value: group } : undefined
    const pageIn = (order?: Order<FeatureFlagRecord>) =>
      pageInOrder(snapshot, featureFlagCollection, { args, order, keys, prefix, within, matches })
    switch (orderBy ?? 'KEY') {
      case 'KEY':
        return pageIn()
      case 'GROUP':
        return pageIn(orderOf(snapshot, featureFlagCollection, 'group'))
      case 'UPDATED_AT_DESC':
        return pageIn(orderOf(snapshot, featureFlagCollection, 'updatedAt'))
      case 'LAST_EVALUATED_AT_ASC':
        return core.once(flagUse).order(snapshot).then(pageIn)
    }
  }

  @Query(() => [FlagGroup], { description: 'The groups that there are flags of, by name, counted.' })
  @Operation({ permission: FLAGS_READ })
  @Holds((_args, snapshot) => countGroups(snapshot))
  featureFlagGroups(@Ctx() { core, snapshot }: RequestContext): Promise<FlagGroup[]> {
    return groupsOf(core, snapshot)
  }

  @FieldResolver(() => DateTimeISO, {
    nullable: true,
    description: 'When somebody last asked for it since it was made, to within a minute across replicas; null: never.',
  })
  lastEvaluatedAt(@Ctx() { core }: RequestContext, @Root() flag: FeatureFlagRecord): Date | null {
    return lastEvaluatedAt(core, flag)
  }

  @FieldResolver(() => Change, { nullable: true, description: 'Its newest change.' })
  lastChange(@Ctx() context: RequestContext, @Root() flag: FeatureFlagRecord): Promise<ChangeEntry | null> {
    return lastChangeOf(context, featureFlagCollection, flag)
  }

  @FieldResolver(() => ChangeConnection, { description: 'Everything that happened to this key, newest first.' })
  history(
    @Ctx() context: RequestContext,
    @Root() flag: FeatureFlagRecord,
    @Args(() => PageArgs) args: PageArgs,
  ): Promise<Page<ChangeEntry>> {
    return historyOf(context, { collection: featureFlagCollection, record: flag }, args)
  }
}

/** What a filter leaves of the flags with these keys and of a group, or of all of them. */
function matcherOf(
  { isEnabled, search, unusedSince }: Omit<FeatureFlagFilter, 'group' | 'keys' | 'prefix'>,
  core: CoreServices,
): (flag: FeatureFlagRecord) => boolean {
  const wanted = search?.toLowerCase()
  return (flag) => {
    if (typeof isEnabled === 'boolean' && flag.isEnabled !== isEnabled) return false
    if (wanted && !`${flag.key}\n${flag.description ?? ''}`.toLowerCase().includes(wanted)) return false
    const lastAt = unusedSince ? lastEvaluatedAt(core, flag) : null
    return !(unusedSince && lastAt && lastAt >= unusedSince)
  }
}
