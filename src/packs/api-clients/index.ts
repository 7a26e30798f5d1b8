import type { Pack } from '../../core/pack.js'
import { apiClientCollection } from './api-client.collection.js'
import { ActorClientResolver, ApiClientResolver, CLIENTS_READ } from './api-client.resolver.js'
import { ApiClientMutationsResolver, CLIENTS_WRITE, KEYS_VERIFY } from './api-client-mutations.resolver.js'
import { ensureFirstAdmin } from './first-admin.js'

export type { ApiClient } from './api-client.collection.js'
export { findUsableClient, verifyKey } from './verify-key.js'

/** UD: who may call, with which key, in which role. */
export const apiClients: Pack = {
  id: 'UD',
  collections: [apiClientCollection],
  permissions: { [CLIENTS_READ]: 'OBSERVER', [CLIENTS_WRITE]: 'ADMIN', [KEYS_VERIFY]: 'OPERATOR' },
  resolvers: (core) => [new ApiClientResolver(core.usage), new ApiClientMutationsResolver(core), new ActorClientResolver()],
  prepare: (core, system) => ensureFirstAdmin(core, system),
}
