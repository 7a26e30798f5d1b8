import type { Settings } from '../core/platform/settings.js'

/** What letting go of connections, the last flushes and the database may take, in milliseconds. */
const LETTING_GO_MS = 10_000

/** What the end of the server is made of. */
type EndSettings = Pick<Settings, 'shutdownDelayMs' | 'shutdownGraceMs' | 'writeTimeoutMs'>

/**
 * How long the end of the server may take, in milliseconds: requests that still come, then running ones, then accepted writes,
 * then everything else.
 */
export function closingLimitMs({ shutdownDelayMs, shutdownGraceMs, writeTimeoutMs }: EndSettings): number {
  return shutdownDelayMs + shutdownGraceMs + writeTimeoutMs + LETTING_GO_MS
}
