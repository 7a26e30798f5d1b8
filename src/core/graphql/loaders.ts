import DataLoader from 'dataloader'
import type { ChangeLog } from '../ledger/change-log.js'
import type { ChangeRecord } from '../state/change.js'

/** A record in the log. */
export interface ChangeTarget {
  readonly targetType: string
  readonly targetKey: string
}

/** One set per request: what leads to rows outside of the snapshot is asked for once, together. */
export interface Loaders {
  readonly lastChange: DataLoader<ChangeTarget, ChangeRecord | null, string>
}

/** Loaders for one request. */
export function createLoaders(changeLog: ChangeLog): Loaders {
  return {
    lastChange: new DataLoader((targets) => changeLog.lastOf(targets), {
      cacheKeyFn: ({ targetType, targetKey }) => `${targetType}\u0000${targetKey}`,
      maxBatchSize: 100,
    }),
  }
}
