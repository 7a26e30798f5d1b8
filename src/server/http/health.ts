import type { FrontParts } from '../front-parts.js'
import { type Answer, JSON_TYPE } from './answer.js'

/** Whether the process lives: its event loop turns, or nobody would answer. Says nothing about the database. */
export function livez(): Answer {
  return { status: 200, contentType: JSON_TYPE, body: '{"status":"alive"}\n' }
}

/**
 * Whether requests should be sent here: from the first load of the state until the process is told to stop. A database that
 * is away, silent or damaged does not change that, since reads go on from memory; it shows as `degraded`.
 */
export function readyz({ ledger, isLeaving }: FrontParts): Answer {
  const { isDegraded, damage, snapshotAgeMs, revisionLag } = ledger.status
  const isReady = !isLeaving()
  const report = {
    status: isReady ? 'ready' : 'closing',
    degraded: isDegraded,
    ...(damage === undefined ? {} : { damage }),
    revision: ledger.snapshot.revision,
    revisionLag,
    snapshotAgeMs: Math.round(snapshotAgeMs),
  }
  return { status: isReady ? 200 : 503, contentType: JSON_TYPE, body: `${JSON.stringify(report)}\n` }
}
