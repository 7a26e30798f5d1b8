import { BackgroundTask } from '../background/background-task.js'
import type { Database, DatabaseLog } from '../database/database.js'
import type { Ledger } from './ledger.js'

/** The net under LISTEN: how often the head is looked at, in milliseconds. */
const POLL_EVERY_MS = 500

/**
 * How long after a notification the log is read, in milliseconds: what others commit one after the other comes in one piece then,
 * and what a turn of this replica's own brings meanwhile does not have to be asked for.
 */
const GATHER_MS = 5

/**
 * Keeps a ledger's snapshot up with other replicas: at once by LISTEN, and by a poll where notifications do not arrive.
 * On a database of its own there is nobody to follow: there it only looks, after a failure, until the database answers
 * again. Returns the function that stops it.
 */
export function follow(ledger: Ledger, database: Database, log: DatabaseLog): () => Promise<void> {
  const work = async (): Promise<void> => {
    if (database.isShared || !ledger.status.isDatabaseReachable) await ledger.poll()
  }
  const task = new BackgroundTask({ name: 'following the database', everyMs: POLL_EVERY_MS, log, work })
  let gathering: NodeJS.Timeout | undefined
  const unlisten = database.listen({
    onRevision(revision) {
      if (!ledger.hear(revision)) return
      gathering ??= setTimeout(() => {
        gathering = undefined
        if (ledger.status.revisionLag > 0) void task.run()
      }, GATHER_MS)
    },
    onReconnect: () => void task.run(),
  })
  task.open()
  return async () => {
    await unlisten()
    clearTimeout(gathering)
    await task.stop()
  }
}
