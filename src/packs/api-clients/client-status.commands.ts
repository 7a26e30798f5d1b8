import { type UserErrorData, userError } from '../../core/contract/errors.js'
import { revise } from '../../core/state/collection.js'
import { type Command, type CommandContext, done, refused } from '../../core/state/command.js'
import type { Draft } from '../../core/state/draft.js'
import { findVersionFaults } from '../../core/state/expectations.js'
import { apiClientCollection } from './api-client.collection.js'
import type { ActivateApiClientInput, DeactivateApiClientInput } from './api-client.inputs.js'
import type { ApiClientRecord } from './api-client.js'
import { findActivationFaults, findLockoutFaults, isUsable } from './client-rules.js'

/** Lets a client in again with the key that it had; one that is active stays as it is. */
export const activateApiClient: Command<ActivateApiClientInput, ApiClientRecord> = {
  name: 'activateApiClient',
  isRevertible: true,
  run: (draft, input, context) =>
    setActive(draft, { input, isActive: true, context }, (client) => [
      ...findExpiryFaults(client, context.now),
      ...(client.isActive ? [] : findActivationFaults(draft.view(apiClientCollection), client.name, ['id'])),
    ]),
}

/** Refuses the keys of a client from now on; one that is deactivated stays as it is. */
export const deactivateApiClient: Command<DeactivateApiClientInput, ApiClientRecord> = {
  name: 'deactivateApiClient',
  isRevertible: true,
  run: (draft, input, context) =>
    setActive(draft, { input, isActive: false, context }, (client) =>
      findLockoutFaults(draft.view(apiClientCollection), client, context.now),
    ),
}

interface StatusChange {
  readonly input: { readonly id: string; readonly expectedVersion?: number | null }
  readonly isActive: boolean
  readonly context: CommandContext
}

function setActive(draft: Draft, { input, isActive, context }: StatusChange, findFaults: (client: ApiClientRecord) => UserErrorData[]) {
  const client = draft.get(apiClientCollection, input.id)
  if (!client) return refused<ApiClientRecord>(userError('NOT_FOUND', ['id'], 'There is no API client of this id.'))
  const faults = [...findVersionFaults(apiClientCollection, client, input.expectedVersion), ...findFaults(client)]
  if (faults.length > 0) return refused<ApiClientRecord>(...faults)
  const after = revise(apiClientCollection, client, { patch: { isActive }, now: context.now })
  draft.put(apiClientCollection, after)
  return done(after)
}

function findExpiryFaults(client: ApiClientRecord, now: Date): UserErrorData[] {
  if (isUsable({ ...client, isActive: true }, now)) return []
  return [
    userError(
      'INVALID_STATE',
      ['id'],
      'The client has expired, so that its key would not work. Give it a later `expiresAt` with updateApiClient, or register a new one.',
    ),
  ]
}
