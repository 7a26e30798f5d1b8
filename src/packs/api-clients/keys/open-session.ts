import type { CoreServices } from '../../../core/contract/core-services.js'
import { userError } from '../../../core/contract/errors.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import { findRangeFaults } from '../../../core/values/faults.js'
import { apiClientCollection } from '../api-client.collection.js'
import type { OpenSessionPayload } from '../api-client.types.js'
import { keyEnvironment } from '../first-admin/first-admin.js'
import { type SessionOwner, sessionKeys } from './session-keys.js'

/** How long a session can be, and is if nothing else is said. */
export const MAX_SESSION_HOURS = 12
const HOUR_MS = 3_600_000

/** Opens a session for the client that calls with a key of its own; who has a session opens no further one. */
export function openSession({ core, caller, snapshot }: RequestContext, hours: number): OpenSessionPayload {
  const client = snapshot.view(apiClientCollection).get(caller.id)
  const owner = client && caller.keyId !== undefined && caller.sessionEndsAt === undefined ? { client, keyId: caller.keyId } : undefined
  const faults = findRangeFaults(hours, ['hours'], [1, MAX_SESSION_HOURS])
  if (!owner) faults.push(userError('INVALID_STATE', [], 'A session opens no further one. Call with the API key of the client itself.'))
  if (!owner || faults.length > 0) return { apiKey: null, expiresAt: null, userErrors: faults }
  const endsAt = endOf(core, owner, hours)
  return { apiKey: core.once(sessionKeys).open(owner, keyEnvironment(core.settings), endsAt), expiresAt: endsAt, userErrors: [] }
}

/** In whole seconds, and no later than the key that it is opened with. */
function endOf({ clock }: CoreServices, { client, keyId }: SessionOwner, hours: number): Date {
  const ends = [clock.now().getTime() + hours * HOUR_MS, client.expiresAt, client.keyId === keyId ? null : client.previousKeyExpiresAt]
  return new Date(Math.floor(Math.min(...ends.map((end) => Number(end ?? Number.POSITIVE_INFINITY))) / 1000) * 1000)
}
