import { BackgroundTask } from '../background/background-task.js'
import type { Database, DatabaseLog } from '../database/database.js'
import type { Ledger } from './ledger.js'

/** The net under LISTEN: how often the head is looked at, in milliseconds. */
const POLL_EVERY_MS = 500

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
  const unlisten = database.listen({
    onRevision(revision) {
      if (ledger.hear(revision)) void task.run()
    },
    onReconnect: () => void task.run(),
  })
  task.open()
  return async () => {
    await unlisten()
    await task.stop()
  }
}
