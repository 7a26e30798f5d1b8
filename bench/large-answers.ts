import 'reflect-metadata'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createTestDatabase, usePostgres } from '../test/testkit/databases.js'
import { type BuiltServer, startBuiltServer } from './servers/built-server.js'
import type { Stall } from './servers/measured-process.js'

/**
 * `npm run bench:large [-- --dist FOLDER] [-- --rounds N]`: how long answers that are as large as they may be hold the event loop of
 * the server that gives them (the built one below `dist`, or below another folder to compare with), on PostgreSQL and on the embedded
 * database: the longest stall over all rounds. No time is a failure.
 */
const { values } = parseArgs({ options: { dist: { type: 'string', default: 'dist' }, rounds: { type: 'string', default: '10' } } })

const ENTRIES = 100
const VERSIONS = 2
const FLAGS = 99
const LINES = 1_000

const READS: Readonly<Record<string, string>> = {
  'values of the state': `{ configs(first: ${ENTRIES}) { nodes { value } } more: configs(first: 50) { nodes { value } } }`,
  'images of histories': '{ configs(first: 50) { nodes { history(first: 2) { nodes { before after } } } } }',
  'images of a page': '{ changes(first: 80, filter: { targetType: "ConfigEntry" }) { nodes { before after } } }',
  'many small changes': `{ featureFlags(first: ${FLAGS}) { nodes { key history(first: 45) { nodes { id revision operation targetKey actor { id name } at before after } } } } }`,
  'many flags': `{ ${Array.from({ length: 15 }, (_, n) => `a${n}: featureFlags(first: 100) { nodes { id key description isEnabled strategies { rolloutPercent } } }`).join(' ')} }`,
}

if (await usePostgres()) {
  const database = await createTestDatabase()
  await measure('postgresql', database.url).finally(() => database.drop())
}
await measure('embedded')

async function measure(engine: string, databaseUrl?: string): Promise<void> {
  const server = await startBuiltServer({ dist: values.dist, databaseUrl })
  try {
    await fill(server)
    console.log(`\n${engine}, ${values.dist}`)
    for (const [name, query] of Object.entries(READS)) show(name, await read(server, query))
  } finally {
    await server.stop()
  }
}

async function fill({ ask }: BuiltServer): Promise<void> {
  const run = (steps: object[]) =>
    ask('mutation ($input: RunAdminOperationInput!) { runAdminOperation(input: $input) { revision userErrors { message } } }', {
      input: { steps },
    })
  for (let version = 0; version < VERSIONS; version += 1)
    for (let entry = 0; entry < ENTRIES; entry += 10)
      await run(Array.from({ length: 10 }, (_, n) => ({ setConfig: { key: `large/${entry + n}`, value: largeValue(entry + n, version) } })))
  for (let version = 0; version < 100; version += 1)
    await run(Array.from({ length: FLAGS }, (_, n) => ({ setFeatureFlag: { key: `flag-${n}`, description: `Version ${version}` } })))
}

/** About 50 KB of JSON. */
function largeValue(entry: number, version: number): readonly string[] {
  return Array.from({ length: LINES }, (_, line) => `line ${line} of version ${version} of entry ${entry} `.padEnd(47, '.'))
}

async function read(server: BuiltServer, query: string): Promise<Stall & { readonly bytes: number; readonly ms: number }> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${server.adminKey}` }
  const ask = () => fetch(`http://127.0.0.1:${server.port}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) })
  const size = async (response: Response): Promise<number> => (await response.arrayBuffer()).byteLength
  const bytes = await size(await ask())
  await wait(200)
  await server.longestStall()
  const startedAtMs = performance.now()
  for (let round = 0; round < Number(values.rounds); round += 1) await size(await ask())
  return { bytes, ms: (performance.now() - startedAtMs) / Number(values.rounds), ...(await server.longestStall()) }
}

function show(name: string, { bytes, ms, clockMs, busyMs }: Stall & { readonly bytes: number; readonly ms: number }): void {
  const cells = [
    `${(bytes / 1_048_576).toFixed(2)} MiB`,
    `${ms.toFixed(0)} ms`,
    `stall ${clockMs.toFixed(1)} ms`,
    `(busy ${busyMs.toFixed(1)})`,
  ]
  console.log([name.padEnd(24), ...cells.map((cell) => cell.padStart(16))].join(''))
}
