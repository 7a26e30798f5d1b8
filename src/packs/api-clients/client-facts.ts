import type { CoreServices } from '../../core/pack.js'
import type { Snapshot } from '../../core/state/snapshot.js'
import { apiClientCollection } from './api-client.collection.js'

/** What others may know of a client: nothing of its key. */
export interface ClientFacts {
  readonly name: string
  readonly isAdmin: boolean
  /** Its key works now. */
  readonly isUsable: boolean
  readonly createdAt: Date
  readonly expiresAt: Date | null
  readonly lastUsedAt: Date | null
}

/** The facts of every client. */
export function clientFacts({ usage }: CoreServices, snapshot: Snapshot, now: Date): ClientFacts[] {
  return [...snapshot.view(apiClientCollection).values()].map(({ id, name, role, isActive, createdAt, expiresAt }) => ({
    name,
    isAdmin: role === 'ADMIN',
    isUsable: isActive && (expiresAt === null || expiresAt > now),
    createdAt,
    expiresAt,
    lastUsedAt: usage.lastAt('client', id),
  }))
}
