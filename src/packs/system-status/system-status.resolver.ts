import { Arg, Ctx, FieldResolver, ID, Query, Resolver, Subscription } from 'type-graphql'
import { Operation } from '../../core/contract/operation.js'
import { Change } from '../../core/graphql/change.types.js'
import type { RequestContext } from '../../core/graphql/context.js'
import { lastChangeOf } from '../../core/graphql/history.js'
import type { ChangeEntry } from '../../core/state/change.js'
import { countPacks, findPack, SYSTEM_PACKS } from './pack-registry.js'
import { viewStatus } from './status-view.js'
import { statusWatch } from './status-watch.js'
import { STATUS_READ, STATUS_SUMMARY, SYSTEM_METADATA_ID, systemMetadataCollection } from './system-metadata.collection.js'
import { Pack, PackStatus, type PackStatusName, PackSummary, SystemStatus } from './system-status.types.js'

@Resolver(() => SystemStatus)
export class SystemStatusResolver {
  @Query(() => SystemStatus, { description: 'How far the system is, and how this replica is doing.' })
  @Operation({ permission: STATUS_SUMMARY, allowedDuring: 'always' })
  systemStatus(@Ctx() context: RequestContext): SystemStatus {
    return currentStatus(context)
  }

  @Subscription(() => SystemStatus, {
    name: 'systemStatus',
    subscribe: ({ context }: { readonly context: RequestContext }) => context.core.once(statusWatch).follow(),
    description:
      'The status as it is now, then again whenever it is changed, or the database goes away from this replica or comes back. Events that follow each other closely become one.',
  })
  @Operation({ permission: STATUS_SUMMARY, allowedDuring: 'always' })
  systemStatusEvents(@Ctx() context: RequestContext): SystemStatus {
    return currentStatus(context)
  }

  @Query(() => PackSummary, { description: 'The packs, counted. The lightest query there is: it asks neither database nor state.' })
  @Operation({ permission: STATUS_SUMMARY, allowedDuring: 'always' })
  systemSummary(): PackSummary {
    return countPacks()
  }

  @Query(() => [Pack], { description: 'The packs of the system, H to W.' })
  @Operation({ permission: STATUS_READ })
  packs(
    @Arg('status', () => PackStatus, { nullable: true, description: 'Only those of this status.' }) status?: PackStatusName | null,
  ): readonly Pack[] {
    return status ? SYSTEM_PACKS.filter((pack) => pack.status === status) : SYSTEM_PACKS
  }

  @Query(() => Pack, { nullable: true, description: 'One pack; null when there is none of that id.' })
  @Operation({ permission: STATUS_READ })
  pack(@Arg('id', () => ID, { description: "The pack's letter; upper or lower case does not matter." }) id: string): Pack | null {
    return findPack(id)
  }

  @FieldResolver(() => Change, {
    nullable: true,
    description: 'The newest change of the status; null for those who lack the permission status:read.',
  })
  async lastChange(@Ctx() context: RequestContext): Promise<ChangeEntry | null> {
    if (!context.caller.permissions.has(STATUS_READ)) return null
    return lastChangeOf(context, systemMetadataCollection, { id: SYSTEM_METADATA_ID })
  }
}

function currentStatus(context: RequestContext): SystemStatus {
  const row = context.snapshot.view(systemMetadataCollection).get(SYSTEM_METADATA_ID)
  if (!row) throw new Error('the system status was not initialised at the start')
  return viewStatus(row, context)
}
