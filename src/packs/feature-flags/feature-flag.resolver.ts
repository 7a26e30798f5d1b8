import { Arg, Args, Ctx, FieldResolver, Mutation, Query, Resolver, Root } from 'type-graphql'
import type { CoreServices } from '../../core/contract/core-services.js'
import { Operation } from '../../core/contract/operation.js'
import { Change, ChangeConnection } from '../../core/graphql/change.types.js'
import { type Page, PageArgs, pageOfView } from '../../core/graphql/connection.js'
import type { RequestContext } from '../../core/graphql/context.js'
import { historyOf, lastChangeOf } from '../../core/graphql/history.js'
import { type PayloadBase, toPayload } from '../../core/graphql/payload.js'
import { DateTimeISO } from '../../core/graphql/scalars.js'
import { submit } from '../../core/graphql/submit.js'
import type { ChangeRecord } from '../../core/state/change.js'
import { type FeatureFlagRecord, featureFlagCollection } from './feature-flag.collection.js'
import { deleteFeatureFlag, setFeatureFlag } from './feature-flag.commands.js'
import { DeleteFeatureFlagInput, FeatureFlagFilter, SetFeatureFlagInput } from './feature-flag.inputs.js'
import { DeleteFeatureFlagPayload, FeatureFlag, FeatureFlagConnection, SetFeatureFlagPayload } from './feature-flag.types.js'

@Resolver(() => FeatureFlag)
export class FeatureFlagResolver {
  readonly #core: CoreServices

  constructor(core: CoreServices) {
    this.#core = core
  }

  @Query(() => FeatureFlag, { nullable: true, description: 'One flag by its key; null when there is none.' })
  @Operation({ permission: 'flags:read' })
  featureFlag(
    @Ctx() context: RequestContext,
    @Arg('key', () => String, { description: "The flag's key." }) key: string,
  ): FeatureFlagRecord | null {
    return context.snapshot.view(featureFlagCollection).get(key) ?? null
  }

  @Query(() => FeatureFlagConnection, { description: 'Flags in the order of their keys.' })
  @Operation({ permission: 'flags:read' })
  featureFlags(
    @Ctx() context: RequestContext,
    @Args(() => PageArgs) args: PageArgs,
    @Arg('filter', () => FeatureFlagFilter, { nullable: true, description: 'Which ones; left out: all.' })
    filter?: FeatureFlagFilter | null,
  ): Page<FeatureFlagRecord> {
    const matches = filter ? (flag: FeatureFlagRecord) => this.#isMeant(flag, filter) : undefined
    return pageOfView(context.snapshot, featureFlagCollection, { args, matches })
  }

  @Mutation(() => SetFeatureFlagPayload, { description: 'Makes a flag or changes it. Setting what is already there changes nothing.' })
  @Operation({ permission: 'flags:write', writes: true })
  async setFeatureFlag(
    @Ctx() context: RequestContext,
    @Arg('input', () => SetFeatureFlagInput, { description: 'The key, and what is to be changed.' }) input: SetFeatureFlagInput,
  ): Promise<PayloadBase> {
    return toPayload('featureFlag', await submit(this.#core.ledger, context, { command: setFeatureFlag, input }))
  }

  @Mutation(() => DeleteFeatureFlagPayload, { description: 'Deletes a flag. Its history stays in the change log.' })
  @Operation({ permission: 'flags:write', writes: true })
  async deleteFeatureFlag(
    @Ctx() context: RequestContext,
    @Arg('input', () => DeleteFeatureFlagInput, { description: 'The key.' }) input: DeleteFeatureFlagInput,
  ): Promise<PayloadBase> {
    return toPayload('deletedKey', await submit(this.#core.ledger, context, { command: deleteFeatureFlag, input }))
  }

  @FieldResolver(() => DateTimeISO, {
    nullable: true,
    description: 'When somebody last asked for it since it was made, to within a minute across replicas; null: never.',
  })
  lastEvaluatedAt(@Root() flag: FeatureFlagRecord): Date | null {
    return this.#lastEvaluatedAt(flag)
  }

  @FieldResolver(() => Change, { nullable: true, description: 'Its newest change.' })
  lastChange(@Ctx() context: RequestContext, @Root() flag: FeatureFlagRecord): Promise<ChangeRecord | null> {
    return lastChangeOf(context, featureFlagCollection, flag)
  }

  @FieldResolver(() => ChangeConnection, { description: 'Everything that happened to this key, newest first.' })
  history(@Root() flag: FeatureFlagRecord, @Args(() => PageArgs) args: PageArgs): Promise<Page<ChangeRecord>> {
    return historyOf(this.#core.changeLog, { collection: featureFlagCollection, record: flag }, args)
  }

  #isMeant(flag: FeatureFlagRecord, { group, isEnabled, search, unusedSince }: FeatureFlagFilter): boolean {
    if (typeof group === 'string' && flag.group !== group) return false
    if (typeof isEnabled === 'boolean' && flag.isEnabled !== isEnabled) return false
    if (search && !`${flag.key}\n${flag.description ?? ''}`.toLowerCase().includes(search.toLowerCase())) return false
    const lastAt = unusedSince ? this.#lastEvaluatedAt(flag) : null
    return !(unusedSince && lastAt && lastAt >= unusedSince)
  }

  /** Marks are kept by key: one from before the flag was made is of a flag that was deleted. */
  #lastEvaluatedAt({ key, createdAt }: FeatureFlagRecord): Date | null {
    const lastAt = this.#core.usage.lastAt('flag', key)
    return lastAt && lastAt >= createdAt ? lastAt : null
  }
}
