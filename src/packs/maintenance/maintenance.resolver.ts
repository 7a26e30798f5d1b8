import { Arg, Args, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root, Subscription } from 'type-graphql'
import type { CoreServices } from '../../core/contract/core-services.js'
import { Operation } from '../../core/contract/operation.js'
import { Change } from '../../core/graphql/change.types.js'
import { type Page, PageArgs, pageOfView } from '../../core/graphql/connection.js'
import type { RequestContext } from '../../core/graphql/context.js'
import { lastChangeOf } from '../../core/graphql/history.js'
import { type PayloadBase, toPayload } from '../../core/graphql/payload.js'
import { submit } from '../../core/graphql/submit.js'
import type { ChangeRecord } from '../../core/state/change.js'
import { type EffectiveMaintenance, maintenanceAt, retryAfterSeconds } from './effective.js'
import { cancelMaintenanceWindow, scheduleMaintenanceWindow, setMaintenanceMode } from './maintenance.commands.js'
import {
  CancelMaintenanceWindowInput,
  MaintenanceWindowFilter,
  ScheduleMaintenanceWindowInput,
  SetMaintenanceModeInput,
} from './maintenance.inputs.js'
import {
  CancelMaintenanceWindowPayload,
  MaintenanceState,
  MaintenanceWindowConnection,
  MaintenanceWindowStatuses,
  MaintenanceWindowType,
  ScheduleMaintenanceWindowPayload,
  SetMaintenanceModePayload,
} from './maintenance.types.js'
import { type MaintenanceSwitch, maintenanceSwitches, switchOf } from './maintenance-switch.collection.js'
import { MaintenanceWatch } from './maintenance-watch.js'
import { type MaintenanceWindow, maintenanceWindows, type WindowStatus, windowStatus } from './maintenance-window.collection.js'

/** What this pack needs of the core. */
type MaintenanceCore = Pick<CoreServices, 'ledger' | 'clock'>

/** To see the windows, and who changed what. */
const MAINTENANCE_READ = 'maintenance:read'

/** The state as it is shown. */
type StateView = Pick<EffectiveMaintenance, 'mode' | 'switchMode' | 'reason' | 'ongoingWindow' | 'nextWindow'> &
  Pick<MaintenanceSwitch, 'expiresAt' | 'updatedAt'> & { readonly retryAfterSeconds: number | null }

/** What is in force for a context: from its snapshot, at this moment. */
function viewState({ snapshot }: RequestContext, now: Date): StateView {
  const { mode, switchMode, reason, ongoingWindow, nextWindow, until } = maintenanceAt(snapshot, now)
  const { expiresAt, updatedAt } = switchOf(snapshot.view(maintenanceSwitches))
  const isExpiryAhead = expiresAt !== null && now < expiresAt
  return {
    ...{ mode, switchMode, reason, ongoingWindow, nextWindow, updatedAt },
    expiresAt: isExpiryAhead ? expiresAt : null,
    retryAfterSeconds: retryAfterSeconds({ until }, now),
  }
}

@Resolver(() => MaintenanceState)
export class MaintenanceStateResolver {
  readonly #core: MaintenanceCore

  constructor(core: MaintenanceCore) {
    this.#core = core
  }

  @Query(() => MaintenanceState, { description: 'What is in force now, why, and until when.' })
  @Operation({ permission: 'maintenance:state', allowedDuring: 'always' })
  maintenanceState(@Ctx() context: RequestContext): StateView {
    return viewState(context, this.#core.clock.now())
  }

  @Mutation(() => SetMaintenanceModePayload, {
    description: 'Sets the switch, at once and on every replica within a second. Always allowed to those who may: nobody is locked out.',
  })
  // Cost 0: a rate limit must not stand in the way back to NORMAL.
  @Operation({ permission: 'maintenance:write', writes: true, allowedDuring: 'always', cost: 0 })
  async setMaintenanceMode(
    @Ctx() context: RequestContext,
    @Arg('input', () => SetMaintenanceModeInput, { description: 'The mode, and why and until when.' }) input: SetMaintenanceModeInput,
  ): Promise<PayloadBase> {
    const submitted = await submit(this.#core.ledger, context, { command: setMaintenanceMode, input })
    return toPayload('maintenanceState', submitted, () => viewState(context, this.#core.clock.now()))
  }

  @FieldResolver(() => Change, { nullable: true, description: 'The newest change of the switch; null for those who may not read windows.' })
  async lastChange(@Ctx() context: RequestContext): Promise<ChangeRecord | null> {
    if (!context.caller.permissions.has(MAINTENANCE_READ)) return null
    return lastChangeOf(context, maintenanceSwitches, switchOf(context.snapshot.view(maintenanceSwitches)))
  }
}

@Resolver(() => MaintenanceWindowType)
export class MaintenanceWindowResolver {
  readonly #core: MaintenanceCore

  constructor(core: MaintenanceCore) {
    this.#core = core
  }

  @Query(() => MaintenanceWindowType, { nullable: true, description: 'One window; null when there is none of that id.' })
  @Operation({ permission: MAINTENANCE_READ })
  maintenanceWindow(
    @Ctx() { snapshot }: RequestContext,
    @Arg('id', () => ID, { description: 'Its `id`.' }) id: string,
  ): MaintenanceWindow | null {
    return snapshot.view(maintenanceWindows).get(id) ?? null
  }

  @Query(() => MaintenanceWindowConnection, {
    description: 'Windows in the order in which they were scheduled, also those that are over.',
  })
  @Operation({ permission: MAINTENANCE_READ })
  maintenanceWindows(
    @Ctx() { snapshot }: RequestContext,
    @Args(() => PageArgs) args: PageArgs,
    @Arg('filter', () => MaintenanceWindowFilter, { nullable: true, description: 'Which ones; left out: all.' })
    filter?: MaintenanceWindowFilter | null,
  ): Page<MaintenanceWindow> {
    const now = this.#core.clock.now()
    const matches = filter ? (window: MaintenanceWindow) => isMeant(window, filter, now) : undefined
    return pageOfView(snapshot, maintenanceWindows, { args, matches })
  }

  @Mutation(() => ScheduleMaintenanceWindowPayload, { description: 'Plans a window; it begins and ends by itself.' })
  @Operation({
    permission: 'maintenance:write',
    writes: true,
    // Far away and of the mildest mode: it is a real window all the same.
    sample:
      'input: { startsAt: "2099-01-01T00:00:00.000Z", endsAt: "2099-01-01T01:00:00.000Z", mode: READ_ONLY, description: "A trial; cancel it again" }',
  })
  async scheduleMaintenanceWindow(
    @Ctx() context: RequestContext,
    @Arg('input', () => ScheduleMaintenanceWindowInput, { description: 'When, which mode, and why.' })
    input: ScheduleMaintenanceWindowInput,
  ): Promise<PayloadBase> {
    return toPayload('maintenanceWindow', await submit(this.#core.ledger, context, { command: scheduleMaintenanceWindow, input }))
  }

  @Mutation(() => CancelMaintenanceWindowPayload, {
    description:
      'Cancels a window that is not over; one that is ongoing ends at once. Always allowed to those who may: nobody is locked out.',
  })
  // Cost 0: a rate limit must not stand in the way back to NORMAL.
  @Operation({ permission: 'maintenance:write', writes: true, allowedDuring: 'always', cost: 0 })
  async cancelMaintenanceWindow(
    @Ctx() context: RequestContext,
    @Arg('input', () => CancelMaintenanceWindowInput, { description: 'Which one.' }) input: CancelMaintenanceWindowInput,
  ): Promise<PayloadBase> {
    return toPayload('maintenanceWindow', await submit(this.#core.ledger, context, { command: cancelMaintenanceWindow, input }))
  }

  @FieldResolver(() => MaintenanceWindowStatuses, { description: 'Where it stands now.' })
  status(@Root() window: MaintenanceWindow): WindowStatus {
    return windowStatus(window, this.#core.clock.now())
  }

  @FieldResolver(() => Change, { nullable: true, description: 'Its newest change; null for those who may not read windows.' })
  async lastChange(@Ctx() context: RequestContext, @Root() window: MaintenanceWindow): Promise<ChangeRecord | null> {
    // The state shows windows to callers that may not read changes, such as a front end's EVALUATOR key.
    return context.caller.permissions.has(MAINTENANCE_READ) ? lastChangeOf(context, maintenanceWindows, window) : null
  }
}

function isMeant(window: MaintenanceWindow, { status, isActive, startsAfter, endsBefore }: MaintenanceWindowFilter, now: Date): boolean {
  if (status && windowStatus(window, now) !== status) return false
  if (typeof isActive === 'boolean' && window.isActive !== isActive) return false
  if (startsAfter && window.startsAt <= startsAfter) return false
  return !(endsBefore && window.endsAt >= endsBefore)
}

/** Builds the resolver class around its core: a subscription's source cannot be a method of the instance. */
export function maintenanceEvents(core: MaintenanceCore): object {
  const watch = new MaintenanceWatch(core)

  @Resolver(() => MaintenanceState)
  class MaintenanceEventsResolver {
    @Subscription(() => MaintenanceState, {
      name: 'maintenanceState',
      subscribe: () => watch.follow(),
      description:
        'What is in force now, then again whenever the switch or a window is changed, a window begins or ends, or the switch expires. Events that follow each other closely become one.',
    })
    @Operation({ permission: 'maintenance:state', allowedDuring: 'always' })
    maintenanceStateEvents(@Ctx() context: RequestContext): StateView {
      return viewState(context, core.clock.now())
    }
  }
  return new MaintenanceEventsResolver()
}
