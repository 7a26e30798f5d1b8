import { randomFillSync } from 'node:crypto'
import { v7 } from 'uuid'

/** Random bytes that one identifier takes, and of how many identifiers they are drawn at once: a draw for each costs six times as much. */
const [BYTES, DRAWN] = [16, 256]

const pool = Buffer.alloc(BYTES * DRAWN)
let used = pool.length
/** The millisecond of the newest identifier, and its place in it. */
let [msecs, seq] = [0, 0]

/**
 * A new identifier: a UUID of version 7 (RFC 9562), so that identifiers sort by the time they were made; those of one millisecond
 * of this process by a counter that begins at random (6.2, method 1), also where the machine's clock is set back.
 */
export function newId(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const random = pool.subarray(used, used + BYTES)
  used += BYTES
  const now = Date.now()
  if (now > msecs) {
    msecs = now
    // Without its highest bit: half of the counter is left for one millisecond.
    seq = random.readUInt32BE() >>> 1
  } else seq += 1
  return v7({ random, msecs, seq })
}
