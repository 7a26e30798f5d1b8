import { definePack } from '../../core/contract/pack.js'
import { apiClientCollection, CLIENTS_READ, CLIENTS_WRITE, KEYS_VERIFY } from './api-client.collection.js'
import { ActorClientResolver, ApiClientResolver } from './api-client.resolver.js'
import { apiClientWrites } from './api-client.writes.js'
import { ensureFirstAdmin } from './first-admin/first-admin.js'
import { ApiClientMutationsResolver } from './keys/api-key.resolver.js'

export { Viewer } from './api-client.types.js'
export { clientFacts } from './client-facts.js'
export { type SessionKeys, sessionKeys } from './keys/session-keys.js'
export { findUsableClient, verifyKey } from './keys/verify-key.js'

/** UD: who may call, with which key, in which role. */
export const apiClients = definePack({
  id: 'UD',
  collections: [apiClientCollection],
  permissions: { [CLIENTS_READ]: 'OBSERVER', [CLIENTS_WRITE]: 'ADMIN', [KEYS_VERIFY]: 'OPERATOR' },
  writes: apiClientWrites,
  resolvers: [ApiClientResolver, ApiClientMutationsResolver, ActorClientResolver],
  prepare: (core, system) => ensureFirstAdmin(core, system),
})
