import { Arg, Args, Ctx, FieldResolver, Query, Resolver, Root } from 'type-graphql'
import type { CoreServices } from '../../core/contract/core-services.js'
import { Operation } from '../../core/contract/operation.js'
import { ReadsRows } from '../../core/graphql/bounds/rows.js'
import { Change, ChangeConnection } from '../../core/graphql/change.types.js'
import { type Page, PageArgs, pageOfView } from '../../core/graphql/connection.js'
import type { RequestContext } from '../../core/graphql/context.js'
import { historyOf, lastChangeOf } from '../../core/graphql/history.js'
import { DateTimeISO } from '../../core/graphql/scalars.js'
import type { ChangeEntry } from '../../core/state/change.js'
import { type FeatureFlagRecord, FLAGS_READ, featureFlagCollection } from './feature-flag.collection.js'
import { FeatureFlagFilter } from './feature-flag.inputs.js'
import { FeatureFlag, FeatureFlagConnection } from './feature-flag.types.js'

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

  @Query(() => FeatureFlagConnection, { description: 'Flags in the order of their keys.' })
  @Operation({ permission: FLAGS_READ })
  featureFlags(
    @Ctx() context: RequestContext,
    @Args(() => PageArgs) args: PageArgs,
    @Arg('filter', () => FeatureFlagFilter, { nullable: true, description: 'Which ones; left out: all.' })
    filter?: FeatureFlagFilter | null,
  ): Page<FeatureFlagRecord> | Promise<Page<FeatureFlagRecord>> {
    const { group, ...others } = filter ?? {}
    const matches = filter ? matcherOf(others, context.core) : undefined
    const within = typeof group === 'string' ? { listing: 'group', value: group } : undefined
    return pageOfView(context.snapshot, featureFlagCollection, { args, matches, within })
  }

  @FieldResolver(() => DateTimeISO, {
    nullable: true,
    description: 'When somebody last asked for it since it was made, to within a minute across replicas; null: never.',
  })
  lastEvaluatedAt(@Ctx() { core }: RequestContext, @Root() flag: FeatureFlagRecord): Date | null {
    return lastEvaluatedAt(core, flag)
  }

  @FieldResolver(() => Change, { nullable: true, description: 'Its newest change.' })
  @ReadsRows()
  lastChange(@Ctx() context: RequestContext, @Root() flag: FeatureFlagRecord): Promise<ChangeEntry | null> {
    return lastChangeOf(context, featureFlagCollection, flag)
  }

  @FieldResolver(() => ChangeConnection, { description: 'Everything that happened to this key, newest first.' })
  @ReadsRows()
  history(
    @Ctx() context: RequestContext,
    @Root() flag: FeatureFlagRecord,
    @Args(() => PageArgs) args: PageArgs,
  ): Promise<Page<ChangeEntry>> {
    return historyOf(context, { collection: featureFlagCollection, record: flag }, args)
  }
}

/** What a filter leaves of the flags of a group, or of all of them. */
function matcherOf(
  { isEnabled, search, unusedSince }: Omit<FeatureFlagFilter, 'group'>,
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

/** Marks are kept by key: one from before the flag was made is of a flag that was deleted. */
function lastEvaluatedAt({ usage }: CoreServices, { key, createdAt }: FeatureFlagRecord): Date | null {
  const lastAt = usage.lastAt('flag', key)
  return lastAt && lastAt >= createdAt ? lastAt : null
}
