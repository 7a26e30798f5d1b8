import { Agent, request } from 'node:http'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { EXIT_USAGE } from '../../src/core/platform/command-line.js'
import { generateApiKey } from '../../src/packs/api-clients/keys/api-key.js'
import { createTestDatabase, usePostgres } from '../testkit/databases.js'
import { builtServer, launchServer } from '../testkit/server-process.js'
import { fail, isCount, messageOf } from './plan.js'

/**
 * `npm run fault:shutdown -- --rounds 20`: stops a built server (SIGTERM) under load over reused connections, while a probe looks
 * at /readyz every 100 ms and takes it out of service once it is not ready, as a load balancer does. Counts requests that were
 * not answered. `--program <path>` measures another build. Exits with 1 when a request failed or no probe saw 503, 64 when the
 * command line cannot be understood.
 */
const CLIENTS = 16
const PROBE_EVERY_MS = 100
const WARM_UP_MS = 300
const DELAY_MS = 1_000
const BODY = '{"query":"{ featureFlags(first: 5) { nodes { key } } }"}'

interface Plan {
  readonly rounds: number
  readonly program: readonly string[]
  readonly settings: Readonly<Record<string, string>>
}

/** What one round came to. */
interface Round {
  readonly answered: number
  /** By what went wrong. */
  readonly failures: readonly string[]
  readonly hasSeen503: boolean
}

/** Status of a request over a connection that is used again where the server lets it. */
function send(url: string, agent: Agent, { method, headers }: { method: string; headers: Record<string, string> }): Promise<number> {
  return new Promise((settle, reject) => {
    request(url, { method, agent, headers }, (response) => {
      response.resume().on('end', () => settle(response.statusCode ?? 0))
    })
      .on('error', reject)
      .end(method === 'POST' ? BODY : undefined)
  })
}

async function stopUnderLoad({ program }: Plan, settings: Record<string, string>, adminKey: string): Promise<Round> {
  const server = launchServer(program, settings)
  const { url } = await server.ready
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS })
  const failures: string[] = []
  let [answered, isInService, isOver] = [0, true, false]
  const headers = { 'content-type': 'application/json', 'x-api-key': adminKey, 'content-length': String(BODY.length) }
  const client = async (): Promise<void> => {
    while (isInService && !isOver) {
      try {
        const status = await send(`${url}/graphql`, agent, { method: 'POST', headers })
        if (status === 200) answered += 1
        else failures.push(String(status))
      } catch (error) {
        failures.push((error as NodeJS.ErrnoException).code ?? messageOf(error))
        // The connection is gone with the server: nothing more is to be had of it.
        break
      }
    }
  }
  const probe = async (): Promise<void> => {
    const own = new Agent()
    while (isInService && !isOver) {
      isInService = (await send(`${url}/readyz`, own, { method: 'GET', headers: {} }).catch(() => 0)) !== 503
      if (isInService) await new Promise((wait) => setTimeout(wait, PROBE_EVERY_MS))
    }
  }
  const working = Promise.all([probe(), ...Array.from({ length: CLIENTS }, client)])
  await new Promise((wait) => setTimeout(wait, WARM_UP_MS))
  const code = await server.stop()
  isOver = true
  await working
  agent.destroy()
  return { answered, failures: code === 0 ? failures : [...failures, `it ended with ${code}`], hasSeen503: !isInService }
}

async function run(plan: Plan): Promise<number> {
  const adminKey = generateApiKey('live')
  const { url: databaseUrl, drop } = await createTestDatabase()
  const keys = { VALHALLA_KEY_PEPPER: 'pepper of the shutdown run', VALHALLA_AUDIT_KEY: 'audit key of the shutdown run' }
  const settings = { NODE_ENV: 'production', DATABASE_URL: databaseUrl, VALHALLA_ADMIN_KEY: adminKey, ...keys, ...plan.settings }
  const rounds: Round[] = []
  try {
    for (let round = 0; round < plan.rounds; round += 1) rounds.push(await stopUnderLoad(plan, settings, adminKey))
  } finally {
    await drop()
  }
  const failures = rounds.flatMap((round) => round.failures)
  const seen = rounds.filter(({ hasSeen503 }) => hasSeen503).length
  const answered = rounds.reduce((sum, round) => sum + round.answered, 0)
  console.log(`${plan.rounds} rounds, ${answered} answered, ${failures.length} failed, a probe saw 503 in ${seen}`)
  for (const kind of new Set(failures)) console.log(`${failures.filter((failure) => failure === kind).length} x ${kind}`)
  return failures.length === 0 && seen === plan.rounds ? 0 : 1
}

function readPlan(): Plan | string {
  try {
    const { values } = parseArgs({ options: { rounds: { type: 'string', default: '20' }, program: { type: 'string' } } })
    if (!isCount(values.rounds)) return '--rounds must be a whole number from 1 to 9999'
    // Another build may not know the setting, and would not start with it.
    if (values.program !== undefined) return { rounds: Number(values.rounds), program: [resolve(values.program)], settings: {} }
    const program = builtServer()
    if (!program) return 'there is no dist/main.js: run `npm run build` first'
    return { rounds: Number(values.rounds), program, settings: { VALHALLA_SHUTDOWN_DELAY_MS: String(DELAY_MS) } }
  } catch (error) {
    return messageOf(error)
  }
}

async function main(): Promise<number> {
  const plan = readPlan()
  if (typeof plan === 'string') return fail(plan, EXIT_USAGE)
  if (!(await usePostgres())) return fail('the end of a server is measured on PostgreSQL', 1)
  return run(plan)
}

process.exitCode = await main().catch((error: unknown) => fail(messageOf(error), 1))
