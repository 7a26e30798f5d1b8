import type { Pack } from '../../core/contract/pack.js'
import { apiClientCollection } from './api-client.collection.js'
import { ActivateApiClientInput, DeactivateApiClientInput } from './api-client.inputs.js'
import { ActorClientResolver, ApiClientResolver, CLIENTS_READ } from './api-client.resolver.js'
import { ApiClientMutationsResolver, CLIENTS_WRITE, KEYS_VERIFY } from './api-client-mutations.resolver.js'
import { activateApiClient, deactivateApiClient } from './client-status.commands.js'
import { ensureFirstAdmin } from './first-admin/first-admin.js'
import { ViewerRateLimitsResolver } from './viewer-rate-limits.resolver.js'

export type { ApiClient } from './api-client.js'
export { clientFacts } from './client-facts.js'
export { findUsableClient, verifyKey } from './keys/verify-key.js'

/** UD: who may call, with which key, in which role. */
export const apiClients: Pack = {
  id: 'UD',
  collections: [apiClientCollection],
  permissions: { [CLIENTS_READ]: 'OBSERVER', [CLIENTS_WRITE]: 'ADMIN', [KEYS_VERIFY]: 'OPERATOR' },
  steps: [
    {
      name: activateApiClient.name,
      input: ActivateApiClientInput,
      description: 'Lets a deactivated API client in again.',
      command: () => activateApiClient,
    },
    {
      name: deactivateApiClient.name,
      input: DeactivateApiClientInput,
      description: 'Refuses the key of an API client from then on.',
      command: () => deactivateApiClient,
    },
  ],
  resolvers: (core) => [
    new ApiClientResolver(core.usage),
    new ApiClientMutationsResolver(core),
    new ActorClientResolver(),
    new ViewerRateLimitsResolver(core),
  ],
  prepare: (core, system) => ensureFirstAdmin(core, system),
}
