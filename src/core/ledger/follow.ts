import type { Database } from '../database/database.js'
import type { Ledger } from './ledger.js'

/** The net under LISTEN: how often the head is looked at, in milliseconds. */
const POLL_EVERY_MS = 500

/**
 * Keeps a ledger's snapshot up with other replicas: at once by LISTEN, and by a poll where notifications do not arrive.
 * On a database of its own there is nobody to follow: there it only looks, after a failure, until the database answers
 * again. Returns the function that stops it.
 */
export function follow(ledger: Ledger, database: Database): () => Promise<void> {
  let underWay: Promise<void> = Promise.resolve()
  let isBusy = false
  const look = (revision?: number): void => {
    // A look that is under way may have read the head before this news: one more look, not one more for each piece of news.
    if (isBusy && revision === undefined) return
    isBusy = true
    underWay = underWay
      .then(() => ledger.poll(revision))
      .finally(() => {
        isBusy = false
      })
  }
  const unlisten = database.listen({ onRevision: (revision) => look(revision), onReconnect: () => look() })
  const timer = setInterval(() => {
    if (database.isShared || !ledger.status.isDatabaseReachable) look()
  }, POLL_EVERY_MS)
  return async () => {
    clearInterval(timer)
    await unlisten()
    await underWay
  }
}
