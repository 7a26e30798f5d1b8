import { Arg, Args, Ctx, FieldResolver, ID, Query, Resolver, Root, Subscription } from 'type-graphql'
import { Operation } from '../../../core/contract/operation.js'
import { Change, ChangeConnection, hasTitle, TARGET_KEY, targetKeyOf } from '../../../core/graphql/change.types.js'
import { streamChanges } from '../../../core/graphql/change-stream.js'
import { type Page, PageArgs } from '../../../core/graphql/connection.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { imageOf, pageOfChanges } from '../../../core/graphql/history.js'
import { JSONValue } from '../../../core/graphql/scalars.js'
import type { ChangeEntry, ChangeRecord } from '../../../core/state/change.js'
import { askedChanges, followedChanges } from './asked-changes.js'
import { ChangeFilter } from './change.inputs.js'

/** To see what was ever written, by whom and why. */
export const CHANGES_READ = 'changes:read'

const FILTER = { nullable: true, description: 'Which ones; left out: all.' }

type Image = ReturnType<typeof imageOf>

/** What TypeGraphQL hands to a `subscribe` function. */
interface SubscribeCall {
  readonly args: { readonly filter?: ChangeFilter | null }
  readonly context: RequestContext
}

@Resolver(() => Change)
export class ChangeResolver {
  @Query(() => Change, { nullable: true, description: 'One change by its id; null when there is none.' })
  @Operation({ permission: CHANGES_READ })
  change(
    @Ctx() { core }: RequestContext,
    @Arg('id', () => ID, { description: 'The id, such as "42.0".' }) id: string,
  ): Promise<ChangeRecord | null> {
    return core.changeLog.find(id)
  }

  @Query(() => ChangeConnection, { description: 'The change log, newest first: everything that was ever written, by whom and why.' })
  @Operation({ permission: CHANGES_READ })
  async changes(
    @Ctx() context: RequestContext,
    @Args(() => PageArgs) args: PageArgs,
    @Arg('filter', () => ChangeFilter, FILTER) filter?: ChangeFilter | null,
  ): Promise<Page<ChangeEntry>> {
    return pageOfChanges(context, await askedChanges(context, filter), args)
  }

  @Subscription(() => Change, {
    name: 'changes',
    subscribe: async ({ args, context }: SubscribeCall) => streamChanges(context.core, ...(await followedChanges(context, args.filter))),
    description: 'Every change as it is committed, in order, none left out: from `sinceRevision` on, from now on without it.',
  })
  @Operation({ permission: CHANGES_READ })
  changeEvents(@Root() change: ChangeRecord, @Arg('filter', () => ChangeFilter, FILTER) _filter?: ChangeFilter | null): ChangeRecord {
    return change
  }

  @FieldResolver(() => JSONValue, { nullable: true })
  before(@Ctx() context: RequestContext, @Root() change: ChangeEntry): Image {
    return imageOf(context, change, 'before')
  }

  @FieldResolver(() => JSONValue, { nullable: true })
  after(@Ctx() context: RequestContext, @Root() change: ChangeEntry): Image {
    return imageOf(context, change, 'after')
  }

  @FieldResolver(() => String, TARGET_KEY)
  async targetKey(@Ctx() context: RequestContext, @Root() change: ChangeEntry): Promise<string> {
    if (!hasTitle(context, change.targetType)) return change.targetKey
    return targetKeyOf(context, change, await imageOf(context, change, change.action === 'DELETE' ? 'before' : 'after'))
  }
}
