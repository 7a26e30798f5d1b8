import { Arg, Args, ID, Query, Resolver, Root, Subscription } from 'type-graphql'
import type { CoreServices } from '../../../core/contract/core-services.js'
import { Operation } from '../../../core/contract/operation.js'
import { Change, ChangeConnection } from '../../../core/graphql/change.types.js'
import { pageOfChanges } from '../../../core/graphql/change-pages.js'
import { streamChanges } from '../../../core/graphql/change-stream.js'
import { type Page, PageArgs } from '../../../core/graphql/connection.js'
import { demandAskable } from '../../../core/graphql/filter.js'
import type { ChangeRecord } from '../../../core/state/change.js'
import { ChangeFilter } from './change.inputs.js'

/** What TypeGraphQL hands to a `subscribe` function. */
interface SubscribeCall {
  readonly args: { readonly filter?: ChangeFilter | null }
}

/** Builds the resolver class around its core: a subscription's source cannot be a method of the instance. */
export function changeResolver(core: CoreServices): object {
  const demandAnswerable = async (filter: ChangeFilter | null | undefined): Promise<void> => {
    demandAskable(filter ?? {})
    await core.changeLog.demandKept(filter ?? {})
  }

  @Resolver(() => Change)
  class ChangeResolver {
    @Query(() => Change, { nullable: true, description: 'One change by its id; null when there is none.' })
    @Operation({ permission: 'changes:read' })
    change(@Arg('id', () => ID, { description: 'The id, such as "42.0".' }) id: string): Promise<ChangeRecord | null> {
      return core.changeLog.find(id)
    }

    @Query(() => ChangeConnection, { description: 'The change log, newest first: everything that was ever written, by whom and why.' })
    @Operation({ permission: 'changes:read' })
    async changes(
      @Args(() => PageArgs) args: PageArgs,
      @Arg('filter', () => ChangeFilter, { nullable: true, description: 'Which ones; left out: all.' }) filter?: ChangeFilter | null,
    ): Promise<Page<ChangeRecord>> {
      await demandAnswerable(filter)
      return pageOfChanges(core.changeLog, filter ?? {}, args)
    }

    @Subscription(() => Change, {
      name: 'changes',
      subscribe: async ({ args }: SubscribeCall) => {
        await demandAnswerable(args.filter)
        return streamChanges(core, args.filter ?? {})
      },
      description: 'Every change as it is committed, in order, none left out: from `sinceRevision` on, from now on without it.',
    })
    @Operation({ permission: 'changes:read' })
    changeEvents(
      @Root() change: ChangeRecord,
      @Arg('filter', () => ChangeFilter, { nullable: true, description: 'Which ones; left out: all.' }) _filter?: ChangeFilter | null,
    ): ChangeRecord {
      return change
    }
  }
  return new ChangeResolver()
}
