import { request } from 'undici'
import type { Caller, Servers } from './servers.js'

const SET = 'mutation ($v: JSON) { setConfig(input: { key: "burst", value: $v }) { userErrors { code } revision } }'
const GET = '{ systemStatus { revision } config(key: "burst") { value lastChange { revision } } }'
/** Commits of a burst, and reads that are under way beside each. */
const COMMITS = 3
const READS = 6

interface Read {
  readonly systemStatus: { readonly revision: number }
  readonly config: { readonly value: number; readonly lastChange: { readonly revision: number } } | null
}

/**
 * Reads while commits land, on each server: an answer tells the revision that it was read from, and has to hold what that revision
 * left, no more and no less. Lines that say where it does not.
 */
export async function burst(servers: Servers, { key }: Caller, number: number): Promise<readonly string[]> {
  const faults = await Promise.all(
    Object.entries(servers).map(async ([way, { url }]) => {
      const found = await burstAt(url, key, number * COMMITS)
      return found.map((fault) => `${way}, while commits land: ${fault}`)
    }),
  )
  return faults.flat()
}

async function burstAt(url: string, key: string, from: number): Promise<readonly string[]> {
  const ask = async (query: string, variables = {}): Promise<unknown> => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
    const { body } = await request(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query, variables }) })
    const { data } = (await body.json()) as { data?: unknown }
    if (!data) throw new Error('a burst is answered')
    return data
  }
  const first = (await ask(GET)) as Read
  const left = new Map([[first.config?.lastChange.revision ?? 0, first.config?.value ?? null]])
  const reads: Promise<Read>[] = []
  for (let value = from; value < from + COMMITS; value += 1) {
    const writing = ask(SET, { v: value }) as Promise<{ setConfig: { revision: number } }>
    for (let index = 0; index < READS; index += 1) reads.push(ask(GET) as Promise<Read>)
    left.set((await writing).setConfig.revision, value)
  }
  return (await Promise.all(reads)).flatMap(({ systemStatus: { revision }, config }) => {
    const last = Math.max(...[...left.keys()].filter((each) => each <= revision))
    const isSo = (config?.value ?? null) === left.get(last) && (config?.lastChange.revision ?? 0) === last
    return isSo ? [] : [`revision ${revision} is told with ${JSON.stringify(config)}, not with what revision ${last} left`]
  })
}
