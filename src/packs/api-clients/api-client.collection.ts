import type { ClientType, Role } from '../../core/contract/caller.js'
import { type Collection, defineCollection } from '../../core/state/collection.js'
import { findRestoredFaults } from './client-rules.js'

/** Somebody who may call, with what is kept of the key. Never deleted: a deactivated one keeps its history. */
export interface ApiClient {
  readonly id: string
  /** Unique among the active clients. */
  readonly name: string
  readonly clientType: ClientType
  readonly role: Role
  /** Public part of the key. */
  readonly keyId: string
  /** Digest of the whole key, in hex. */
  readonly keyDigest: string
  readonly keyPreview: string
  /** The key before the last rotation; it works until `previousKeyExpiresAt`. */
  readonly previousKeyId: string | null
  readonly previousKeyDigest: string | null
  readonly previousKeyExpiresAt: Date | null
  readonly isActive: boolean
  readonly description: string | null
  /** From this moment on no key of the client works. */
  readonly expiresAt: Date | null
  readonly version: number
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** The clients by id, by the id of each key that they have (index `keyId`), and by name while they are active (index `activeName`). */
export const apiClientCollection: Collection<ApiClient> = defineCollection<ApiClient>({
  name: 'ApiClient',
  pack: 'UD',
  table: 'api_clients',
  key: 'id',
  id: 'id',
  version: 'version',
  writePermission: () => 'clients:write',
  findRestoredFaults: (draft, client, now) => findRestoredFaults(draft.view(apiClientCollection), client, now),
  fields: {
    id: 'text',
    name: 'text',
    clientType: 'text',
    role: 'text',
    keyId: 'text',
    keyDigest: 'text',
    keyPreview: 'text',
    previousKeyId: 'text',
    previousKeyDigest: 'text',
    previousKeyExpiresAt: 'timestamp',
    isActive: 'boolean',
    description: 'text',
    expiresAt: 'timestamp',
    version: 'integer',
    createdAt: 'timestamp',
    updatedAt: 'timestamp',
  },
  // A key's id is no secret, yet of no use to a reader; the preview is what people know a key by.
  secrets: ['keyId', 'keyDigest', 'previousKeyId', 'previousKeyDigest'],
  indexes: {
    keyId: ({ keyId, previousKeyId }) => (previousKeyId === null ? [keyId] : [keyId, previousKeyId]),
    activeName: ({ name, isActive }) => (isActive ? [name] : []),
  },
})
