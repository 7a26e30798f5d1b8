import type { CoreServices } from '../../core/contract/core-services.js'
import type { Snapshot } from '../../core/state/snapshot.js'
import { apiClientCollection } from './api-client.collection.js'
import { isUsable } from './client-rules.js'

/** What others may know of every client: nothing of its key. */
export function clientFacts({ usage }: CoreServices, snapshot: Snapshot, now: Date) {
  return [...snapshot.view(apiClientCollection).values()].map((client) => ({
    name: client.name,
    isAdmin: client.role === 'ADMIN',
    isUsable: isUsable(client, now),
    createdAt: client.createdAt,
    expiresAt: client.expiresAt,
    lastUsedAt: usage.lastAt('client', client.id),
  }))
}
