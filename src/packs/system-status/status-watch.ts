import type { CoreServices } from '../../core/contract/core-services.js'
import { Signals } from '../../core/graphql/streams/signals.js'
import { systemMetadataCollection } from './system-metadata.collection.js'

/** How often the health of this replica is looked at while somebody follows, in milliseconds. */
const LOOK_EVERY_MS = 1_000

/** Says to whoever follows when the status may be another one: after each change of it, and when the database goes away or comes back. */
export const statusWatch = ({ ledger }: CoreServices): Signals => {
  const watch = new Signals(() => {
    let { isDatabaseReachable: wasReachable } = ledger.status
    const timer = setInterval(() => {
      const { isDatabaseReachable } = ledger.status
      if (isDatabaseReachable !== wasReachable) watch.raise()
      wasReachable = isDatabaseReachable
    }, LOOK_EVERY_MS)
    timer.unref()
    const stopListening = ledger.onCommit((changes) => {
      // No changes at all: the state was loaded anew, and anything may have changed.
      if (changes.length === 0 || changes.some(({ targetType }) => targetType === systemMetadataCollection.name)) watch.raise()
    })
    return () => {
      clearInterval(timer)
      stopListening()
    }
  })
  return watch
}
