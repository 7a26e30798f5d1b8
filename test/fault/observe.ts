import type { JsonObject } from '../../src/core/values/json.js'
import { askOverHttp } from '../testkit/server-process.js'
import type { LoggedChange } from '../testkit/write-audit.js'
import type { Target } from './workload.js'

const PAGE = 100
const CHANGES = `query($since: Int!, $first: Int!, $after: String) {
  page: changes(filter: { sinceRevision: $since }, first: $first, after: $after) {
    nodes { id revision targetType action before after correlationId } pageInfo { hasNextPage endCursor }
  }
}`
const CONFIGS = `query($first: Int!, $after: String) {
  page: configs(first: $first, after: $after) {
    nodes { id key value description isMutable valueSchema version createdAt updatedAt } pageInfo { hasNextPage endCursor }
  }
}`
const FLAGS = `query($first: Int!, $after: String) {
  page: featureFlags(first: $first, after: $after) {
    nodes {
      id key group description isEnabled version createdAt updatedAt
      strategies { constraints { contextField operator values isInverted isCaseInsensitive } rolloutPercent stickiness groupId }
      variants { name weight value }
    }
    pageInfo { hasNextPage endCursor }
  }
}`

/** A server's state as its clients see it. */
export interface Observation {
  readonly head: number
  /** Changes after the revision that was asked for, oldest first. */
  readonly changes: readonly LoggedChange[]
  /** Config entries and flags, by type and key, with the fields that the log shows. */
  readonly objects: ReadonlyMap<string, JsonObject>
}

/** Reads all of a server's state through GraphQL; throws when it does not answer. */
export async function observe(target: Target, since: number): Promise<Observation> {
  const head = await readHead(target)
  const changes = await readAll<LoggedChange>(target, CHANGES, { since })
  const configs = await readAll<JsonObject>(target, CONFIGS)
  const flags = await readAll<JsonObject>(target, FLAGS)
  const objects = new Map([
    ...configs.map((entry) => [`ConfigEntry ${String(entry['key'])}`, entry] as const),
    ...flags.map((flag) => [`FeatureFlag ${String(flag['key'])}`, flag] as const),
  ])
  return { head, changes: changes.reverse(), objects }
}

/** The revision at which a server stands. */
export async function readHead(target: Target): Promise<number> {
  const data = await read<{ systemStatus: { revision: number } }>(target, '{ systemStatus { revision } }', {})
  return data.systemStatus.revision
}

interface Connection<T> {
  readonly nodes: readonly T[]
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null }
}

async function readAll<T>(target: Target, query: string, variables: Record<string, unknown> = {}): Promise<T[]> {
  const all: T[] = []
  let after: string | null = null
  for (;;) {
    const { page }: { page: Connection<T> } = await read(target, query, { ...variables, first: PAGE, after })
    all.push(...page.nodes)
    if (!page.pageInfo.hasNextPage) return all
    after = page.pageInfo.endCursor
  }
}

async function read<T>({ url, key }: Target, query: string, variables: Record<string, unknown>): Promise<T> {
  const { data, errors } = await askOverHttp(url, { key, query, variables })
  if (errors || !data) throw new Error(`a read failed: ${JSON.stringify(errors)}`)
  return data as T
}
