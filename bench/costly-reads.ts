import 'reflect-metadata'
import { readFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { generateApiKey } from '../src/packs/api-clients/keys/api-key.js'
import { createTestDatabase } from '../test/testkit/databases.js'
import { type BuiltServer, startBuiltServer } from './servers/built-server.js'
import { percentileOf } from './statistics.js'

/**
 * `npm run bench:costly -- [--dist FOLDER]`: what single reads of large histories cost: how long they take, how many bytes they answer, how long `/livez` waits meanwhile (the longest that the event loop was
 * held), and the memory of the process. On PostgreSQL, on a built server, which may be another build: its figures are those to
 * compare with.
 */
const { values } = parseArgs({
  options: {
    dist: { type: 'string', default: 'dist' },
  },
})

const ENTRIES = 5
const VERSIONS = 20
const VALUE_BYTES = 55_000
const LIVEZ_EVERY_MS = 5

const history = (entries: number): string => `configs(first: ${entries}) { nodes { value history(first: 100) { nodes { before after } } } }`

/** What is asked over a few entries of many large versions. */
const FAT: Readonly<Record<string, string>> = {
  'the history of 100 entries, 20 times over': `{ ${Array.from({ length: 20 }, (_, n) => `a${n}: ${history(100)}`).join(' ')} }`,
  'the history of 5 entries, 20 times over': `{ ${Array.from({ length: 20 }, (_, n) => `a${n}: configs(first: 5) { nodes { history(first: 40) { nodes { before after } } } }`).join(' ')} }`,
  'the history of 5 entries': `{ ${history(5)} }`,
  'the history of 3 entries': `{ ${history(3)} }`,
}

const database = await createTestDatabase()
const adminKey = generateApiKey('test')
const settings = {
  VALHALLA_ADMIN_KEY: adminKey,
  VALHALLA_AUDIT_KEY: 'k'.repeat(32),
  VALHALLA_KEY_PEPPER: 'p'.repeat(32),
  LOG_LEVEL: 'info',
}
const start = (): Promise<BuiltServer> => startBuiltServer({ databaseUrl: database.url, settings, dist: values.dist })
try {
  await withServer(async (server) => {
    await makeVersions(server)
    for (const [name, query] of Object.entries(FAT)) show(await measure(server, { name, query, rounds: 1 }))
  })
} finally {
  await database.drop()
}

async function withServer(work: (server: BuiltServer) => Promise<void>): Promise<void> {
  const server = await start()
  try {
    await work(server)
  } finally {
    await server.stop()
  }
}

async function makeVersions(server: BuiltServer): Promise<void> {
  const set = 'mutation ($input: SetConfigInput!) { setConfig(input: $input) { revision userErrors { message } } }'
  for (let version = 0; version < VERSIONS; version += 1)
    for (let entry = 0; entry < ENTRIES; entry += 1) {
      const value = Array.from({ length: VALUE_BYTES / 50 }, (_, line) =>
        `line ${line} of version ${version} of entry ${entry} `.padEnd(47, '.'),
      )
      await server.ask(set, { input: { key: `fat/${entry}`, value } })
    }
}

interface Reading {
  readonly name: string
  readonly status: number
  readonly bytes: number
  readonly p50Ms: number
  readonly maxMs: number
  readonly livezMs: number
  readonly residentMb: number
}

async function measure(server: BuiltServer, { name, query, rounds }: { name: string; query: string; rounds: number }): Promise<Reading> {
  const state = { isOver: false }
  const watching = watchLife(server, state)
  const timesMs: number[] = []
  let answer = { status: 0, bytes: 0 }
  for (let round = 0; round < rounds; round += 1) {
    const startedAtMs = performance.now()
    answer = await ask(server, query)
    timesMs.push(performance.now() - startedAtMs)
    await wait(20)
  }
  state.isOver = true
  const { livezMs, residentMb } = await watching
  return { name, ...answer, p50Ms: percentileOf(timesMs, 50), maxMs: Math.max(...timesMs), livezMs, residentMb }
}

/** Reads the answer to its end without keeping it. */
async function ask({ port }: BuiltServer, query: string): Promise<{ status: number; bytes: number }> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${adminKey}` }
  const response = await fetch(`http://127.0.0.1:${port}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) })
  let bytes = 0
  for await (const chunk of response.body ?? []) bytes += chunk.length
  return { status: response.status, bytes }
}

/** The longest wait of `/livez` and the most memory, until it is over. */
async function watchLife(
  { port, pid }: BuiltServer,
  state: { readonly isOver: boolean },
): Promise<{ livezMs: number; residentMb: number }> {
  let [livezMs, residentMb] = [0, 0]
  while (!state.isOver) {
    const startedAtMs = performance.now()
    await (await fetch(`http://127.0.0.1:${port}/livez`)).arrayBuffer()
    livezMs = Math.max(livezMs, performance.now() - startedAtMs)
    residentMb = Math.max(residentMb, await residentMegabytes(pid))
    await wait(LIVEZ_EVERY_MS)
  }
  return { livezMs, residentMb }
}

async function residentMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1_024
}

function show({ name, status, bytes, p50Ms, maxMs, livezMs, residentMb }: Reading): void {
  const megabytes = (bytes / 1_048_576).toFixed(2)
  console.log(
    `${name.padEnd(42)} ${status} ${megabytes.padStart(7)} MiB  p50 ${p50Ms.toFixed(0).padStart(6)} ms  max ${maxMs.toFixed(0).padStart(6)} ms  /livez ${livezMs.toFixed(0).padStart(5)} ms  RSS ${residentMb.toFixed(0).padStart(5)} MB`,
  )
}
