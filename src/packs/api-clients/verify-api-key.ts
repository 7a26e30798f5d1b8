import type { Permission, PermissionsByRole } from '../../core/caller.js'
import { type UserErrorData, userError } from '../../core/errors.js'
import type { Snapshot } from '../../core/state/snapshot.js'
import type { ApiClient } from './api-client.collection.js'
import type { VerifyApiKeyInput } from './api-client.inputs.js'
import type { VerifiedAs } from './api-client.types.js'
import { type KeyCheckOptions, verifyKey } from './verify-key.js'

/** What another service is told about a key that it was shown. */
export interface Verification {
  readonly verdict: VerifiedAs
  /** Whose key it is, for those who have shown that they have all of it. */
  readonly apiClient: ApiClient | null
  readonly userErrors: readonly UserErrorData[]
}

/** What a verification depends on besides the clients. */
export interface VerificationOptions extends KeyCheckOptions {
  readonly permissions: PermissionsByRole
}

/**
 * The verdict on a key, and on whether its client may do what it is shown for. A permission that does not exist is a fault of
 * whoever asks, and is found before the key is looked at: the verdict then is FORBIDDEN, as nobody holds it.
 */
export function verifyApiKey(snapshot: Snapshot, input: VerifyApiKeyInput, { permissions, ...options }: VerificationOptions): Verification {
  const permission = input.permission ?? null
  // The highest role holds every permission that there is.
  if (permission !== null && !permissions.ADMIN.has(permission as Permission)) {
    const fault = userError('INVALID', ['permission'], 'There is no such permission; `operations` tells which ones there are.')
    return { verdict: 'FORBIDDEN', apiClient: null, userErrors: [fault] }
  }
  const check = verifyKey(snapshot, input.apiKey, options)
  if (check.verdict === 'NOT_FOUND') return { verdict: 'NOT_FOUND', apiClient: null, userErrors: [] }
  const { verdict, client } = check
  const isDenied = verdict === 'VALID' && permission !== null && !permissions[client.role].has(permission as Permission)
  return { verdict: isDenied ? 'FORBIDDEN' : verdict, apiClient: client, userErrors: [] }
}
