import type { Snapshot } from '../../../core/state/snapshot.js'
import { apiClientCollection } from '../api-client.collection.js'
import type { ApiClientRecord } from '../api-client.js'
import { isUsable } from '../client-rules.js'
import { digestSecret, isSameDigest, parseApiKey } from './api-key.js'

/**
 * What a check found; the first verdict that applies, in the order NOT_FOUND, DISABLED, EXPIRED, VALID. `NOT_FOUND` also stands
 * for a wrong secret; for the other verdicts the caller has shown that it has the key, and so may learn whose it is.
 */
export type KeyCheck =
  | { readonly verdict: 'NOT_FOUND' }
  | { readonly verdict: 'VALID' | 'DISABLED' | 'EXPIRED'; readonly client: ApiClientRecord; readonly keyId: string }

/** Compared with when there is no such key, so that its absence does not show in the time taken. */
export const NO_DIGEST = '0'.repeat(64)

/**
 * The one verifier of keys. A malformed key is found out by its checksum, without a look-up; every other one costs one digest
 * and one comparison, whether its id is known or not. Peppered with the settings' `keyPepper`.
 */
export function verifyKey(snapshot: Snapshot, keyText: string, { now, pepper }: { now: Date; pepper: string | undefined }): KeyCheck {
  const key = parseApiKey(keyText)
  if (!key) return { verdict: 'NOT_FOUND' }
  const client = snapshot.view(apiClientCollection).find('keyId', key.id)
  const expected = client && (client.keyId === key.id ? client.keyDigest : client.previousKeyDigest)
  const isRight = isSameDigest(digestSecret(key.text, pepper), expected ?? NO_DIGEST)
  if (!client || !isRight) return { verdict: 'NOT_FOUND' }
  return { verdict: statusOf(client, key.id, now), client, keyId: key.id }
}

/** The client that a key id still works for at `now`; for those who have shown the key before (an open subscription). */
export function findUsableClient(snapshot: Snapshot, keyId: string, now: Date): ApiClientRecord | undefined {
  const client = snapshot.view(apiClientCollection).find('keyId', keyId)
  return client && statusOf(client, keyId, now) === 'VALID' ? client : undefined
}

/** How it stands with a key that is right, or with what was made from it. */
export function statusOf(client: ApiClientRecord, keyId: string, now: Date): 'VALID' | 'DISABLED' | 'EXPIRED' {
  if (!isUsable(client, now)) return client.isActive ? 'EXPIRED' : 'DISABLED'
  const isPrevious = client.keyId !== keyId
  if (isPrevious && (client.previousKeyExpiresAt === null || client.previousKeyExpiresAt <= now)) return 'EXPIRED'
  return 'VALID'
}
