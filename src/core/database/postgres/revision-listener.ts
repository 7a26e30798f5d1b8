import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { DatabaseLog, RevisionListener } from '../database.js'
import { endClient } from '../end-client.js'

/** The channel on which each commit announces its revision (PostgreSQL documentation, NOTIFY). */
export const REVISION_CHANNEL = 'valhalla_revision'

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 2000
/** How often, and for how long, to ask a silent connection whether it lives; NAT and firewalls forget without a word. */
const PING_EVERY_MS = 5000
const PING_TIMEOUT_MS = 3000

/** Settings of {@link followRevisions}. */
export interface FollowOptions {
  /** How to connect; the connection is ours alone. Its `query_timeout` is how long to wait for a sign of life. */
  readonly config: pg.ClientConfig
  readonly listener: RevisionListener
  readonly log: DatabaseLog
  /** How often to ask a silent connection whether it lives; milliseconds. */
  readonly pingEveryMs?: number
}

/**
 * Keeps a connection that listens, and replaces it when it breaks, after pauses from 100 ms to 2 s. A listener that
 * throws is reported and otherwise ignored.
 *
 * @returns ends it; resolves when the connection is closed
 */
export function followRevisions(options: FollowOptions): () => Promise<void> {
  const stopping = new AbortController()
  const done = run(options, stopping.signal)
  return () => {
    stopping.abort()
    return done
  }
}

async function run(options: FollowOptions, signal: AbortSignal): Promise<void> {
  let pauseMs = FIRST_PAUSE_MS
  while (!signal.aborted) {
    try {
      await listenOnce(options, signal, () => {
        pauseMs = FIRST_PAUSE_MS
      })
    } catch (error) {
      if (!signal.aborted) options.log.warn({ err: error }, 'the connection that follows revisions is down; trying again')
    }
    await pause(pauseMs, signal)
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
  }
}

/** One connection's life. Throws when it breaks; returns when it was asked to end. */
async function listenOnce(
  { config, listener, log, pingEveryMs = PING_EVERY_MS }: FollowOptions,
  signal: AbortSignal,
  onUp: () => void,
): Promise<void> {
  const client = new pg.Client({ query_timeout: PING_TIMEOUT_MS, ...config })
  const broken = new AbortController()
  client.on('error', (error) => broken.abort(error))
  client.on('end', () => broken.abort(new Error('the server closed the connection')))
  const tell = (report: () => void) => {
    try {
      report()
    } catch (error) {
      log.error({ err: error }, 'a revision could not be handled')
    }
  }
  client.on('notification', ({ payload }) => {
    const revision = Number(payload)
    if (payload && Number.isSafeInteger(revision)) tell(() => listener.onRevision(revision))
  })
  try {
    await client.connect()
    await client.query(`LISTEN ${REVISION_CHANNEL}`)
    onUp()
    tell(() => listener.onReconnect())
    const until = AbortSignal.any([signal, broken.signal])
    for (;;) {
      await pause(pingEveryMs, until)
      if (signal.aborted) return
      broken.signal.throwIfAborted()
      await client.query('SELECT 1')
    }
  } finally {
    await endClient(client)
  }
}

/** Waits, or less when `signal` says so. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined)
}
