import type { Settings } from '../core/platform/settings.js'

/** What letting go of connections, the last flushes and the database may take, in milliseconds. */
const LETTING_GO_MS = 10_000

/** How long the end of the server may take, in milliseconds: running requests, then accepted writes, then everything else. */
export function closingLimitMs({ shutdownGraceMs, writeTimeoutMs }: Pick<Settings, 'shutdownGraceMs' | 'writeTimeoutMs'>): number {
  return shutdownGraceMs + writeTimeoutMs + LETTING_GO_MS
}
