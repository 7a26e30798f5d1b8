import type { RequestContext } from '../../core/graphql/context.js'
import { type EffectiveMaintenance, maintenanceAt, retryAfterSeconds } from './effective.js'
import { type MaintenanceSwitchRecord, maintenanceSwitchCollection, switchOf } from './maintenance-switch.collection.js'

/** The state as it is shown. */
export type StateView = Pick<EffectiveMaintenance, 'mode' | 'switchMode' | 'reason' | 'ongoingWindow' | 'nextWindow'> &
  Pick<MaintenanceSwitchRecord, 'expiresAt' | 'updatedAt'> & { readonly retryAfterSeconds: number | null }

/** What is in force for a call: from its snapshot, at this moment. */
export function viewState({ core: { clock }, snapshot }: RequestContext): StateView {
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
