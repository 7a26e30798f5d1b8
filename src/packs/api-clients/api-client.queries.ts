import { type Page, type PageArgs, pageOfView } from '../../core/graphql/connection.js'
import type { Snapshot } from '../../core/state/snapshot.js'
import { apiClientCollection } from './api-client.collection.js'
import type { ApiClientRecord } from './api-client.js'
import type { ApiClientFilter } from './api-client.types.js'

/** When a client was last used; null for never. */
export type LastUse = (clientId: string) => Date | null

/** One page of clients, in the order of their registration (the order of their ids). */
export function pageOfClients(
  snapshot: Snapshot,
  { filter, args, lastUseOf }: { filter: ApiClientFilter | null; args: PageArgs; lastUseOf: LastUse },
): Page<ApiClientRecord> | Promise<Page<ApiClientRecord>> {
  const matches = filter ? matcherOf(filter, lastUseOf) : undefined
  return pageOfView(snapshot, apiClientCollection, { args, matches })
}

function matcherOf(filter: ApiClientFilter, lastUseOf: LastUse): (client: ApiClientRecord) => boolean {
  const { clientType, role, isActive, expiresBefore, unusedSince } = filter
  const search = filter.search?.toLowerCase() ?? ''
  const isSame = <T>(wanted: T | null | undefined, actual: T): boolean => wanted === null || wanted === undefined || wanted === actual
  const holds = (text: string | null): boolean => text?.toLowerCase().includes(search) ?? false
  const isUnused = (client: ApiClientRecord, since: Date): boolean =>
    (lastUseOf(client.id)?.getTime() ?? Number.NEGATIVE_INFINITY) < since.getTime()
  return (client) =>
    isSame(clientType, client.clientType) &&
    isSame(role, client.role) &&
    isSame(isActive, client.isActive) &&
    (search === '' || holds(client.name) || holds(client.description)) &&
    (!expiresBefore || (client.expiresAt !== null && client.expiresAt < expiresBefore)) &&
    (!unusedSince || isUnused(client, unusedSince))
}
