import type { RequestContext } from '../../core/graphql/context.js'
import { maintenanceAt, retryAfterSeconds } from './effective.js'
import type { MaintenanceState } from './maintenance.types.js'
import { maintenanceSwitchCollection, switchOf } from './maintenance-switch.collection.js'

/** What is in force for a call: from its snapshot, at this moment. */
export function viewState({ core: { clock }, snapshot }: RequestContext): MaintenanceState {
  const now = clock.now()
  const { mode, switchMode, reason, ongoingWindow, nextWindow, until } = maintenanceAt(snapshot, now)
  const { expiresAt, updatedAt } = switchOf(snapshot.view(maintenanceSwitchCollection))
  const isExpiryAhead = expiresAt !== null && now < expiresAt
  return {
    ...{ mode, switchMode, reason, ongoingWindow, nextWindow, updatedAt },
    expiresAt: isExpiryAhead ? expiresAt : null,
    retryAfterSeconds: retryAfterSeconds({ until }, now),
  }
}
