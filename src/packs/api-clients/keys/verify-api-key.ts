import type { Permission } from '../../../core/contract/caller.js'
import type { CoreServices } from '../../../core/contract/core-services.js'
import { userError } from '../../../core/contract/errors.js'
import type { Snapshot } from '../../../core/state/snapshot.js'
import type { VerifyApiKeyInput } from '../api-client.inputs.js'
import type { VerifyApiKeyPayload } from '../api-client.types.js'
import { verifyKey } from './verify-key.js'

/** What a verification works with. */
export type VerificationCore = Pick<CoreServices, 'ledger' | 'clock' | 'settings' | 'permissions' | 'limiter'>

/**
 * The verdict on a key, and on whether its client may do what it is shown for. Nothing is counted: whether the client has
 * room under its own rate limits (those of scope API_KEY) is only looked at.
 */
export async function verifyApiKey(core: VerificationCore, input: VerifyApiKeyInput): Promise<VerifyApiKeyPayload> {
  const { snapshot } = core.ledger
  const verification = judge(core, snapshot, input)
  const { verdict, apiClient } = verification
  if (verdict !== 'VALID' || !apiClient || core.limiter.isIdle(snapshot)) return verification
  // The address and the users are those of calls at the other service, which nothing is known of here.
  const { rules } = await core.limiter.peek({ snapshot, subjects: { ip: '', clientId: apiClient.id, user: null }, cost: 1 })
  const isLimited = rules.some(({ scope, isAllowed }) => scope === 'API_KEY' && !isAllowed)
  return isLimited ? { ...verification, verdict: 'RATE_LIMITED' } : verification
}

/**
 * A permission that does not exist is a fault of whoever asks, and is found before the key is looked at: the verdict then is
 * FORBIDDEN, as nobody holds it.
 */
function judge({ clock, settings, permissions }: VerificationCore, snapshot: Snapshot, input: VerifyApiKeyInput): VerifyApiKeyPayload {
  const permission = input.permission ?? null
  // The highest role holds every permission that there is.
  if (permission !== null && !permissions.ADMIN.has(permission as Permission)) {
    const fault = userError('INVALID', ['permission'], 'There is no such permission; `operations` tells which ones there are.')
    return { verdict: 'FORBIDDEN', apiClient: null, userErrors: [fault] }
  }
  const check = verifyKey(snapshot, input.apiKey, { now: clock.now(), pepper: settings.keyPepper })
  if (check.verdict === 'NOT_FOUND') return { verdict: 'NOT_FOUND', apiClient: null, userErrors: [] }
  const { verdict, client } = check
  const isDenied = verdict === 'VALID' && permission !== null && !permissions[client.role].has(permission as Permission)
  return { verdict: isDenied ? 'FORBIDDEN' : verdict, apiClient: client, userErrors: [] }
}
