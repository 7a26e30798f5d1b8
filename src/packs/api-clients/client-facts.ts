import type { ClientFacts } from '../../core/client-facts.js'
import type { CoreServices } from '../../core/pack.js'
import type { Snapshot } from '../../core/state/snapshot.js'
import { apiClientCollection } from './api-client.collection.js'

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
