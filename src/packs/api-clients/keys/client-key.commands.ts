import { type UserErrorData, userError } from '../../../core/contract/errors.js'
import { revise } from '../../../core/state/collection.js'
import { type Command, done, refused } from '../../../core/state/command.js'
import { findRangeFaults } from '../../../core/values/faults.js'
import { findTextFaults } from '../../../core/values/text.js'
import { apiClientCollection } from '../api-client.collection.js'
import type { RegisterApiClientInput, RotateApiKeyInput } from '../api-client.inputs.js'
import type { ApiClientRecord } from '../api-client.js'
import { findActivationFaults, findExpiryFaults, findNameFaults, isUsable } from '../client-rules.js'
import { addClient } from '../first-admin/first-admin.commands.js'
import type { StoredKey } from './api-key.js'

/** Longest time that a replaced key goes on working: 7 days, in seconds. */
const MAX_OVERLAP_SECONDS = 604_800

/**
 * Builds the registration of a client with this key; its value is the client's id. The key is no part of the input, which is
 * hashed, and of the answer, which is kept: a repeated call is told which client it has made, and nothing else.
 */
export function createRegisterApiClient({ keyId, keyDigest, keyPreview }: StoredKey): Command<RegisterApiClientInput, string> {
  return {
    name: 'registerApiClient',
    isRevertible: false,
    run(draft, input, context) {
      const { name, clientType, role, description = null, expiresAt = null } = input
      const faults = [...findNameFaults(name), ...findTextFaults(description, ['description'])]
      faults.push(...findExpiryFaults(expiresAt, context.now))
      faults.push(...findActivationFaults(draft.view(apiClientCollection), name, ['name']))
      if (faults.length > 0) return refused(...faults)
      return done(addClient(draft, { name, clientType, role, description, expiresAt, keyId, keyDigest, keyPreview }, context).id)
    },
    replay: { toJson: (id) => id, fromJson: (json) => String(json) },
  }
}

/**
 * Builds the replacement of a client's key by this one. The one before goes on working for `overlapSeconds`; without an
 * overlap it has no time at all, so that no replica's clock has a say in its end. Also for a deactivated client, whose key has
 * to be replaced before it is let in again.
 */
export function createRotateApiKey(key: StoredKey): Command<RotateApiKeyInput, ApiClientRecord> {
  return {
    name: 'rotateApiKey',
    isRevertible: false,
    run(draft, input, { now }) {
      const overlapSeconds = input.overlapSeconds ?? 0
      const client = draft.get(apiClientCollection, input.id)
      const faults = [...findRotationFaults(client, now), ...findRangeFaults(overlapSeconds, ['overlapSeconds'], [0, MAX_OVERLAP_SECONDS])]
      if (!client || faults.length > 0) return refused(...faults)
      const patch: Partial<ApiClientRecord> = {
        keyId: key.keyId,
        keyDigest: key.keyDigest,
        keyPreview: key.keyPreview,
        previousKeyId: client.keyId,
        previousKeyDigest: client.keyDigest,
        previousKeyExpiresAt: overlapSeconds > 0 ? new Date(now.getTime() + overlapSeconds * 1000) : null,
      }
      const after = revise(apiClientCollection, client, { patch, now })
      draft.put(apiClientCollection, after)
      return done(after)
    },
  }
}

function findRotationFaults(client: ApiClientRecord | undefined, now: Date): UserErrorData[] {
  if (!client) return [userError('NOT_FOUND', ['id'], 'There is no API client of this id.')]
  if (isUsable({ ...client, isActive: true }, now)) return []
  return [
    userError(
      'INVALID_STATE',
      ['id'],
      'The client has expired, so that no key of it would work. Give it a later `expiresAt` with updateApiClient, or register a new one.',
    ),
  ]
}
