import { write } from '../../core/graphql/write.js'
import { CLIENTS_WRITE } from './api-client.collection.js'
import { ActivateApiClientInput, DeactivateApiClientInput, UpdateApiClientInput } from './api-client.inputs.js'
import { shownClient } from './api-client.types.js'
import { activateApiClient, deactivateApiClient } from './client-status.commands.js'
import { updateApiClient } from './client-update.command.js'

/** What can change clients, but for what makes keys: each of those lives in one call, and has a resolver of its own. */
export const apiClientWrites = [
  write({
    command: updateApiClient,
    input: UpdateApiClientInput,
    permission: CLIENTS_WRITE,
    description:
      'Changes the name, description, role or expiry of a client; its key stays. Connections that are open with another role are closed.',
    takes: 'Which client, and what is to be different.',
    step: 'Changes the name, description, role or expiry of an API client.',
    returns: shownClient,
  }),
  write({
    command: activateApiClient,
    input: ActivateApiClientInput,
    permission: CLIENTS_WRITE,
    description: 'Lets a deactivated client in again, with the key that it had.',
    takes: 'Which client.',
    step: 'Lets a deactivated API client in again.',
    returns: shownClient,
  }),
  write({
    command: deactivateApiClient,
    input: DeactivateApiClientInput,
    permission: CLIENTS_WRITE,
    allowedDuring: 'always',
    description: 'Refuses the key of a client, within a second on every replica, and closes its subscriptions. The last ADMIN stays.',
    takes: 'Which client.',
    step: 'Refuses the key of an API client from then on.',
    returns: shownClient,
  }),
]
