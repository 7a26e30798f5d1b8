import { userError } from '../../../core/contract/errors.js'
import { seal } from '../../../core/state/collection.js'
import { type Command, type CommandContext, done, refused } from '../../../core/state/command.js'
import type { Draft } from '../../../core/state/draft.js'
import { apiClientCollection } from '../api-client.collection.js'
import type { ApiClientRecord } from '../api-client.js'
import type { StoredKey } from '../keys/api-key.js'

/** What a client is registered with. The key itself is never part of a command: it may be run twice, and be logged. */
export type NewClient = StoredKey & Pick<ApiClientRecord, 'name' | 'clientType' | 'role' | 'description' | 'expiresAt'>

/** Puts a new, active client into the draft. */
export function addClient(draft: Draft, client: NewClient, { now, newId }: CommandContext): ApiClientRecord {
  const unrotated = { previousKeyId: null, previousKeyDigest: null, previousKeyExpiresAt: null }
  const stamps = { version: 1, createdAt: now, updatedAt: now }
  const record = seal<ApiClientRecord>(apiClientCollection, { id: newId(), ...client, ...unrotated, isActive: true, ...stamps })
  draft.put(apiClientCollection, record)
  return record
}

/** Registers the admin that everything begins with; refused (INVALID_STATE) as soon as there is any client. */
export const registerFirstAdmin: Command<StoredKey, ApiClientRecord> = {
  name: 'registerFirstAdmin',
  isRevertible: false,
  run(draft, input, context) {
    if (draft.view(apiClientCollection).size > 0) return refused(userError('INVALID_STATE', [], 'There are API clients already.'))
    const description = 'Made on the first start, because there was no API client.'
    return done(addClient(draft, { ...adminWith(input), name: 'first admin', description }, context))
  },
}

/** Registers one more admin, named after the time, for those who have lost access. */
export const resetAdminAccess: Command<StoredKey, ApiClientRecord> = {
  name: 'resetAdminAccess',
  isRevertible: false,
  run(draft, input, context) {
    const name = `admin reset ${context.now.toISOString()}`
    const description = 'Made on the host by admin:reset, to replace lost access.'
    return done(addClient(draft, { ...adminWith(input), name, description }, context))
  },
}

function adminWith({ keyId, keyDigest, keyPreview }: StoredKey): Omit<NewClient, 'name' | 'description'> {
  return { keyId, keyDigest, keyPreview, clientType: 'SCRIPT', role: 'ADMIN', expiresAt: null }
}
