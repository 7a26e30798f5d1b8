import { statfs } from 'node:fs/promises'
import { AppError } from '../../contract/errors.js'
import type { Clock } from '../../platform/clock.js'
import type { DatabaseLog } from '../database.js'

/** How long one look at the disk counts. */
const FRESH_MS = 1000
const RETRY_AFTER_SECONDS = 30

/** Settings of {@link diskReserve}. */
export interface DiskReserveOptions {
  /** A path on the disk in question. */
  readonly path: string
  /** Writes are refused when less than this is free to us; bytes, 0 for no reserve. */
  readonly reserveBytes: number
  readonly clock: Clock
  readonly log: DatabaseLog
}

/**
 * Makes the check that stands before each commit: PostgreSQL in one process cannot be saved from a disk that fills up in
 * the middle of a commit, so that there must always be room for one. Looks at the disk at most once a second.
 *
 * @returns a function that throws AppError UNAVAILABLE when the reserve is touched
 */
export function diskReserve({ path, reserveBytes, clock, log }: DiskReserveOptions): () => Promise<void> {
  let freeBytes = Number.POSITIVE_INFINITY
  let lookedAtMs = Number.NEGATIVE_INFINITY
  let wasShort = false
  const look = async () => {
    const { bavail, bsize } = await statfs(path).catch((cause: unknown) => {
      log.error({ err: cause }, 'the disk cannot be looked at: writes are refused')
      throw new AppError('UNAVAILABLE', 'The disk does not answer: nothing can be changed.', {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
        cause,
      })
    })
    freeBytes = bavail * bsize
    lookedAtMs = clock.monotonicMs()
    const isShort = freeBytes < reserveBytes
    if (isShort && !wasShort) log.error({ freeBytes, reserveBytes }, 'the disk is nearly full: writes are refused')
    if (!isShort && wasShort) log.info({ freeBytes, reserveBytes }, 'the disk has room again: writes are accepted')
    wasShort = isShort
  }
  return async () => {
    if (reserveBytes <= 0) return
    if (clock.monotonicMs() - lookedAtMs >= FRESH_MS) await look()
    if (freeBytes >= reserveBytes) return
    throw new AppError('UNAVAILABLE', 'The disk is nearly full: nothing can be changed until there is room.', {
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    })
  }
}
