import 'reflect-metadata'
import { parseArgs } from 'node:util'
import { createTestDatabase, usePostgres } from '../test/testkit/databases.js'
import { type BuiltServer, startBuiltServer } from './servers/built-server.js'
import type { Stall } from './servers/measured-process.js'
import { percentileOf } from './statistics.js'

/**
 * `npm run bench:steps [-- --dist FOLDER] [-- --steps 10,100] [-- --rounds N]`: the time per step of admin operations of 10 to 1,000 steps, and
 * the longest stall of the event loop of the server that runs them (the built one below `dist`, or below another folder to compare
 * with), on PostgreSQL and on the embedded database. No time is a failure.
 */
const { values } = parseArgs({
  options: {
    dist: { type: 'string', default: 'dist' },
    steps: { type: 'string', default: '10,100,300,1000' },
    rounds: { type: 'string', default: '7' },
  },
})

/** What one kind of operation came to. */
interface Result extends Stall {
  readonly ms: number
}

const OPERATION = `mutation ($input: RunAdminOperationInput!) {
  runAdminOperation(input: $input) { revision userErrors { code message } changes { id } }
}`
const PLAN_OF = { dryRun: true }

if (await usePostgres()) {
  const database = await createTestDatabase()
  await measure('postgresql', database.url).finally(() => database.drop())
}
await measure('embedded')

async function measure(engine: string, databaseUrl?: string): Promise<void> {
  const server = await startBuiltServer({ dist: values.dist, databaseUrl })
  try {
    const ask = (input: object) => server.ask<{ runAdminOperation: { userErrors: unknown[] } }>(OPERATION, { input })
    for (let round = 0; round < 10; round += 1) await ask({ steps: stepsOf(50, `warm ${round}`) })
    console.log(`\n${engine}, ${values.dist}\nsteps  apply ms  a step ms  stall ms  (busy)    plan ms  stall ms  (busy)`)
    for (const count of values.steps.split(',').map(Number)) {
      const applied = await repeat(server, (round) => ask({ steps: stepsOf(count, `${count}.${round}`) }))
      const planned = await repeat(server, (round) => ask({ steps: stepsOf(count, `plan ${round}`), ...PLAN_OF }))
      const cells = [applied.ms, applied.ms / count, applied.clockMs, applied.busyMs, planned.ms, planned.clockMs, planned.busyMs].map(
        (ms) => ms.toFixed(2).padStart(9),
      )
      console.log(`${String(count).padStart(5)} ${cells.join('')}`)
    }
  } finally {
    await server.stop()
  }
}

/** Flags and entries by turns, as a release sets them. */
function stepsOf(count: number, note: string): object[] {
  return Array.from({ length: count }, (_, index) =>
    index % 2 === 0
      ? { setFeatureFlag: { key: `bench/flag-${index}`, description: note, strategies: [{ rolloutPercent: 25, stickiness: 'userId' }] } }
      : { setConfig: { key: `bench/entry-${index}`, value: { note, limit: index, hosts: ['a.example.com', 'b.example.com'] } } },
  )
}

/** Medians over the rounds of the time, and the longest stall of them all. */
async function repeat(
  server: BuiltServer,
  work: (round: number) => Promise<{ runAdminOperation: { userErrors: unknown[] } }>,
): Promise<Result> {
  const times: number[] = []
  await server.longestStall()
  for (let round = 0; round < Number(values.rounds); round += 1) {
    const startedAtMs = performance.now()
    const { userErrors } = (await work(round)).runAdminOperation
    times.push(performance.now() - startedAtMs)
    if (userErrors.length > 0) throw new Error(`the operation was refused: ${JSON.stringify(userErrors)}`)
  }
  return { ms: percentileOf(times, 50), ...(await server.longestStall()) }
}
