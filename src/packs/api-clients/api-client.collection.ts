import { type Collection, defineCollection } from '../../core/state/collection.js'
import type { ApiClient } from './api-client.js'
import { findRestoredFaults } from './client-rules.js'

/** The clients by id, by the id of each key that they have (index `keyId`), and by name while they are active (index `activeName`). */
export const apiClientCollection: Collection<ApiClient> = defineCollection<ApiClient>({
  name: 'ApiClient',
  pack: 'UD',
  table: 'api_clients',
  key: 'id',
  id: 'id',
  version: 'version',
  writePermission: () => 'clients:write',
  findRestoredFaults: (state, client, now) => findRestoredFaults(state.view(apiClientCollection), client, now),
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
