import type { IncomingMessage } from 'node:http'

/**
 * The end user that a client acts for, as it names it: in the header X-Valhalla-User, or (for browsers, which cannot set
 * headers of a WebSocket) as `user` in the payload of connection_init. Null when it names none.
 */
export function endUser({ headers }: IncomingMessage, parameters?: Readonly<Record<string, unknown>>): string | null {
  const user = parameters?.['user'] ?? headers['x-valhalla-user']
  return typeof user === 'string' && user.trim() !== '' ? user.trim() : null
}
