import type { Cli } from '../cli.js'
import { CliFault, EXIT } from '../fault.js'
import { graphql } from './document.js'
import { readPages } from './pages.js'

const CLIENTS = graphql(`
  query ClientNames($first: Int!, $after: String) {
    apiClients(first: $first, after: $after) {
      nodes { id name role isActive }
      pageInfo { hasNextPage endCursor }
    }
  }
`)

/** What tells one client from the others. */
export interface ClientName {
  readonly id: string
  readonly name: string
  readonly role: string
  readonly isActive: boolean
}

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** All clients. */
export async function readClients(cli: Cli): Promise<ClientName[]> {
  return readPages(Number.POSITIVE_INFINITY, async (first, after) => (await cli.ask(CLIENTS, { first, after })).apiClients)
}

/** The id of a client, given that or its name: the active one of this name, or the only one. */
export async function clientId(cli: Cli, idOrName: string): Promise<string> {
  if (ID.test(idOrName)) return idOrName
  const found = findClients(await readClients(cli), idOrName)
  if (found.length === 1 && found[0]) return found[0].id
  if (found.length === 0) throw new CliFault(EXIT.missing, `there is no API client "${idOrName}"`, '`valhalla client list` shows them')
  throw new CliFault(EXIT.refused, `several API clients were called "${idOrName}"`, `give the id: ${found.map(({ id }) => id).join(', ')}`)
}

function findClients(clients: readonly ClientName[], name: string): ClientName[] {
  const named = clients.filter((client) => client.name === name)
  const active = named.filter(({ isActive }) => isActive)
  return active.length > 0 ? active : named
}

/** The prefix by which rules name a client, since ids differ between environments: `client:web-shop`. */
const BY_NAME = 'client:'

/** The key of a rule with the id of the client that it names; undefined when there is no such active client. */
export function ruleKeyById(scope: string, key: string, clients: readonly ClientName[]): string | undefined {
  if (!key.startsWith(BY_NAME)) return key
  const rest = key.slice(BY_NAME.length)
  const active = clients.filter(({ isActive }) => isActive)
  if (scope !== 'USER') return active.find(({ name }) => name === rest)?.id
  // Names may hold colons: the longest one that fits is meant.
  const fitting = active.filter(({ name }) => rest.startsWith(`${name}:`)).sort((one, other) => other.name.length - one.name.length)
  const [client] = fitting
  return client && `${client.id}${rest.slice(client.name.length)}`
}

/** The key of a rule with the name of its client instead of the id; as it is where that client is not active. */
export function ruleKeyByName(key: string, clients: readonly ClientName[]): string {
  const client = clients.find(({ id, isActive }) => isActive && (key === id || key.startsWith(`${id}:`)))
  return client ? `${BY_NAME}${client.name}${key.slice(client.id.length)}` : key
}
