import { Arg, Args, Ctx, FieldResolver, ID, Query, Resolver, Root, Subscription } from 'type-graphql'
import { Operation } from '../../core/contract/operation.js'
import { ReadsRows } from '../../core/graphql/bounds/rows.js'
import { Change } from '../../core/graphql/change.types.js'
import { type Page, PageArgs, pageOfView } from '../../core/graphql/connection.js'
import type { RequestContext } from '../../core/graphql/context.js'
import { lastChangeOf } from '../../core/graphql/history.js'
import type { ChangeEntry } from '../../core/state/change.js'
import { MaintenanceWindowFilter } from './maintenance.inputs.js'
import { MaintenanceState, MaintenanceWindow, MaintenanceWindowConnection, MaintenanceWindowStatuses } from './maintenance.types.js'
import { MAINTENANCE_READ, MAINTENANCE_STATE, maintenanceSwitchCollection, switchOf } from './maintenance-switch.collection.js'
import { viewState } from './maintenance-view.js'
import { maintenanceWatch } from './maintenance-watch.js'
import {
  type MaintenanceWindowRecord,
  maintenanceWindowCollection,
  type WindowStatus,
  windowStatus,
} from './maintenance-window.collection.js'

@Resolver(() => MaintenanceState)
export class MaintenanceStateResolver {
  @Query(() => MaintenanceState, { description: 'What is in force now, why, and until when.' })
  @Operation({ permission: MAINTENANCE_STATE, allowedDuring: 'always' })
  maintenanceState(@Ctx() context: RequestContext): MaintenanceState {
    return viewState(context)
  }

  @Subscription(() => MaintenanceState, {
    name: 'maintenanceState',
    subscribe: ({ context }: { readonly context: RequestContext }) => context.core.once(maintenanceWatch).follow(),
    description:
      'What is in force now, then again whenever the switch or a window is changed, a window begins or ends, or the switch expires. Events that follow each other closely become one.',
  })
  @Operation({ permission: MAINTENANCE_STATE, allowedDuring: 'always' })
  maintenanceStateEvents(@Ctx() context: RequestContext): MaintenanceState {
    return viewState(context)
  }

  @FieldResolver(() => Change, { nullable: true, description: 'The newest change of the switch; null for those who may not read windows.' })
  @ReadsRows()
  async lastChange(@Ctx() context: RequestContext): Promise<ChangeEntry | null> {
    if (!context.caller.permissions.has(MAINTENANCE_READ)) return null
    return lastChangeOf(context, maintenanceSwitchCollection, switchOf(context.snapshot.view(maintenanceSwitchCollection)))
  }
}

@Resolver(() => MaintenanceWindow)
export class MaintenanceWindowResolver {
  @Query(() => MaintenanceWindow, { nullable: true, description: 'One window; null when there is none of that id.' })
  @Operation({ permission: MAINTENANCE_READ })
  maintenanceWindow(
    @Ctx() { snapshot }: RequestContext,
    @Arg('id', () => ID, { description: 'Its `id`.' }) id: string,
  ): MaintenanceWindowRecord | null {
    return snapshot.view(maintenanceWindowCollection).get(id) ?? null
  }

  @Query(() => MaintenanceWindowConnection, {
    description: 'Windows in the order in which they were scheduled, also those that are over.',
  })
  @Operation({ permission: MAINTENANCE_READ })
  maintenanceWindows(
    @Ctx() { core, snapshot }: RequestContext,
    @Args(() => PageArgs) args: PageArgs,
    @Arg('filter', () => MaintenanceWindowFilter, { nullable: true, description: 'Which ones; left out: all.' })
    filter?: MaintenanceWindowFilter | null,
  ): Page<MaintenanceWindowRecord> | Promise<Page<MaintenanceWindowRecord>> {
    const now = core.clock.now()
    const matches = filter ? (window: MaintenanceWindowRecord) => isMeant(window, filter, now) : undefined
    return pageOfView(snapshot, maintenanceWindowCollection, { args, matches })
  }

  @FieldResolver(() => MaintenanceWindowStatuses, { description: 'Where it stands now.' })
  status(@Ctx() { core }: RequestContext, @Root() window: MaintenanceWindowRecord): WindowStatus {
    return windowStatus(window, core.clock.now())
  }

  @FieldResolver(() => Change, { nullable: true, description: 'Its newest change; null for those who may not read windows.' })
  @ReadsRows()
  async lastChange(@Ctx() context: RequestContext, @Root() window: MaintenanceWindowRecord): Promise<ChangeEntry | null> {
    // The state shows windows to callers that may not read changes, such as a front end's EVALUATOR key.
    return context.caller.permissions.has(MAINTENANCE_READ) ? lastChangeOf(context, maintenanceWindowCollection, window) : null
  }
}

function isMeant(
  window: MaintenanceWindowRecord,
  { status, isActive, startsAfter, endsBefore }: MaintenanceWindowFilter,
  now: Date,
): boolean {
  if (status && windowStatus(window, now) !== status) return false
  if (typeof isActive === 'boolean' && window.isActive !== isActive) return false
  if (startsAfter && window.startsAt <= startsAfter) return false
  return !(endsBefore && window.endsAt >= endsBefore)
}
