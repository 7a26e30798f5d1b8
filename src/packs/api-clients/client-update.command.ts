import { type UserErrorData, userError } from '../../core/contract/errors.js'
import { revise } from '../../core/state/collection.js'
import { type Command, done, refused } from '../../core/state/command.js'
import type { Draft } from '../../core/state/draft.js'
import { findVersionFaults } from '../../core/state/expectations.js'
import { findNullFaults } from '../../core/values/faults.js'
import { findTextFaults } from '../../core/values/text.js'
import { apiClientCollection } from './api-client.collection.js'
import type { UpdateApiClientInput } from './api-client.inputs.js'
import type { ApiClientRecord } from './api-client.js'
import { findExpiryFaults, findLockoutFaults, findNameFaults, findTakenFaults } from './client-rules.js'

/** Changes what a client is called, what it is for, what it may do and until when. Its keys stay as they are. */
export const updateApiClient: Command<UpdateApiClientInput, ApiClientRecord> = {
  name: 'updateApiClient',
  isRevertible: true,
  run(draft, input, { now }) {
    const client = draft.get(apiClientCollection, input.id)
    if (!client) return refused(userError('NOT_FOUND', ['id'], 'There is no API client of this id.'))
    const { name, description, role, expiresAt } = input
    const patch: Partial<ApiClientRecord> = {
      ...(typeof name === 'string' && { name }),
      ...(description !== undefined && { description }),
      ...(role && { role }),
      ...(expiresAt !== undefined && { expiresAt }),
    }
    const faults = [
      ...findVersionFaults(apiClientCollection, client, input.expectedVersion),
      ...findNullFaults(input, ['name', 'role']),
      ...findRenamingFaults(draft, client, name ?? client.name),
      ...findTextFaults(description, ['description']),
      ...findExpiryFaults(expiresAt ?? null, now),
      ...(isLessOfAdmin(client, patch) ? findLockoutFaults(draft.view(apiClientCollection), client, now) : []),
    ]
    if (faults.length > 0) return refused(...faults)
    const after = revise(apiClientCollection, client, { patch, now })
    draft.put(apiClientCollection, after)
    return done(after)
  },
}

function findRenamingFaults(draft: Draft, client: ApiClientRecord, name: string): UserErrorData[] {
  if (name === client.name) return []
  const taken = client.isActive ? findTakenFaults(draft.view(apiClientCollection), name, ['name']) : []
  return [...findNameFaults(name), ...taken]
}

/** Whether an admin is to be none any more, or for a shorter time. */
function isLessOfAdmin(client: ApiClientRecord, patch: Partial<ApiClientRecord>): boolean {
  const { role, expiresAt } = { ...client, ...patch }
  const endOf = (time: Date | null): number => time?.getTime() ?? Number.POSITIVE_INFINITY
  return role !== 'ADMIN' || endOf(expiresAt) < endOf(client.expiresAt)
}
