import { type Collection, defineCollection } from '../../core/state/collection.js'
import { type ApiClientRecord, apiClientFields } from './api-client.js'
import { findRestoredFaults } from './client-rules.js'

/** To see other clients; whoever calls sees its own. */
export const CLIENTS_READ = 'clients:read'
/** To register, activate, deactivate clients and replace their keys. */
export const CLIENTS_WRITE = 'clients:write'
/** To ask about keys that others have shown. */
export const KEYS_VERIFY = 'keys:verify'

/** The clients by id, by the id of each key that they have (index `keyId`), and by name while they are active (index `activeName`). */
export const apiClientCollection: Collection<ApiClientRecord> = defineCollection<ApiClientRecord>({
  name: 'ApiClient',
  table: 'api_clients',
  key: 'id',
  id: 'id',
  version: 'version',
  titleOf: ({ name }) => String(name),
  writePermission: CLIENTS_WRITE,
  findRestoredFaults: (state, client, now) => findRestoredFaults(state.view(apiClientCollection), client, now),
  searched: {
    kind: 'CLIENT',
    titleOf: ({ name }) => name,
    subtitleOf: ({ role, clientType, description }) => [role, clientType, ...(description === null ? [] : [description])].join(' '),
  },
  fields: apiClientFields,
  // A key's id is no secret, yet of no use to a reader; the preview is what people know a key by.
  secrets: ['keyId', 'keyDigest', 'previousKeyId', 'previousKeyDigest'],
  indexes: {
    keyId: ({ keyId, previousKeyId }) => (previousKeyId === null ? [keyId] : [keyId, previousKeyId]),
    activeName: ({ name, isActive }) => (isActive ? [name] : []),
  },
})
