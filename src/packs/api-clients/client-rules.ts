import { type UserErrorData, userError } from '../../core/contract/errors.js'
import type { View } from '../../core/state/collection.js'
import { findTextFaults } from '../../core/values/text.js'
import type { ApiClientRecord } from './api-client.js'

/** Most clients that may be active at a time. */
export const MAX_ACTIVE_CLIENTS = 10_000
const LAST_ADMIN =
  'This is the last active ADMIN without an expiry: without it nobody could administer clients. Register another one first.'
/** Longest name, in characters. */
const MAX_NAME_LENGTH = 100

/** Faults of a name on its own. */
export function findNameFaults(name: string): UserErrorData[] {
  if (name.trim() === '') return [userError('REQUIRED', ['name'], 'The name must not be empty: it is what people know the client by.')]
  return findTextFaults(name, ['name'], MAX_NAME_LENGTH)
}

/** Faults of an expiry that somebody gives a client. */
export function findExpiryFaults(expiresAt: Date | null, now: Date): UserErrorData[] {
  if (expiresAt === null || expiresAt > now) return []
  return [userError('INVALID', ['expiresAt'], 'This moment has passed; give one in the future, or null for none.')]
}

/** Faults of giving an active client a name that it does not have yet. */
export function findTakenFaults(clients: View<ApiClientRecord>, name: string, field: readonly string[]): UserErrorData[] {
  if (!clients.find('activeName', name)) return []
  return [userError('TAKEN', field, 'Another active client has this name. Deactivate that one first, or choose another name.')]
}

/** Faults of letting one more client be active under this name. */
export function findActivationFaults(clients: View<ApiClientRecord>, name: string, field: readonly string[]): UserErrorData[] {
  const faults = findTakenFaults(clients, name, field)
  // Without deactivated ones there is nothing to count.
  if (clients.size >= MAX_ACTIVE_CLIENTS && countActive(clients) >= MAX_ACTIVE_CLIENTS) {
    faults.push(
      userError('LIMIT_EXCEEDED', [], `There are ${MAX_ACTIVE_CLIENTS} active clients, which is the limit. Deactivate some first.`),
    )
  }
  return faults
}

/** Whether the client's keys work at `now`, as far as the client itself goes. */
export function isUsable({ isActive, expiresAt }: ApiClientRecord, now: Date): boolean {
  return isActive && (expiresAt === null || expiresAt > now)
}

/**
 * Faults of taking a client out of use. There is always an active ADMIN without an expiry, so that nobody is locked out
 * by a command or by time going on: one that expires does not stand in for one that does not. Where there are only such that
 * expire (a state that no command leads to), the last one that works stays.
 */
export function findLockoutFaults(clients: View<ApiClientRecord>, client: ApiClientRecord, now: Date): UserErrorData[] {
  if (client.role !== 'ADMIN' || !isUsable(client, now)) return []
  for (const other of clients.values()) {
    if (other.id === client.id || other.role !== 'ADMIN' || !isUsable(other, now)) continue
    if (other.expiresAt === null || client.expiresAt !== null) return []
  }
  return [userError('INVALID_STATE', ['id'], LAST_ADMIN)]
}

/** Faults of a state in which this client was put back to what it had been: the same rules, on their outcome. */
export function findRestoredFaults(clients: View<ApiClientRecord>, client: ApiClientRecord, now: Date): UserErrorData[] {
  if (!hasLastingAdmin(clients, now)) return [userError('INVALID_STATE', ['id'], LAST_ADMIN)]
  if (!client.isActive) return []
  for (const { id, name, isActive } of clients.values()) {
    if (id !== client.id && isActive && name === client.name) {
      return [userError('TAKEN', ['name'], `Another active client has the name of client ${client.id} by now.`)]
    }
  }
  return []
}

function hasLastingAdmin(clients: View<ApiClientRecord>, now: Date): boolean {
  for (const client of clients.values()) if (client.role === 'ADMIN' && client.expiresAt === null && isUsable(client, now)) return true
  return false
}

function countActive(clients: View<ApiClientRecord>): number {
  let count = 0
  for (const { isActive } of clients.values()) if (isActive) count += 1
  return count
}
