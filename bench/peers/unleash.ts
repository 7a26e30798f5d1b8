import { setTimeout as wait } from 'node:timers/promises'
import { createTestDatabase, usePostgres } from '../../test/testkit/databases.js'
import type { Bench } from '../bench.js'
import type { Contestant } from '../contest.js'
import { CONTEXTS, FLAGS, TOGGLED_KEYS } from '../flags.js'
import { SERIAL } from '../load.js'
import type { BuiltServer } from '../servers/built-server.js'
import { type MeasuredProcess, startMeasured } from '../servers/measured-process.js'
import { installed, orNone } from './install.js'

const NAME = 'unleash-server 7.5.1'
const ADMIN = '*:*.admin-of-the-benchmark'
const FRONTEND = '*:development.frontend-of-the-benchmark'
const FEATURES = '/api/admin/projects/default/features'
const TOGGLED = TOGGLED_KEYS.slice(0, 64)
const PATIENCE = 60

/** Its frontend API evaluates the same flags for the same contexts. Throws Error when an answer differs from this project's. */
export async function unleashEvaluates(_: Bench, ours: BuiltServer): Promise<readonly Contestant[]> {
  return withServer(async (server) => {
    for (const { key, isEnabled, strategies } of FLAGS) {
      await admin(server, FEATURES, { name: key, type: 'release' })
      const all = strategies.length > 0 ? strategies : [{ rolloutPercent: 100, stickiness: 'default', groupId: key, constraints: [] }]
      for (const { rolloutPercent, stickiness, groupId, constraints } of all)
        await admin(server, `${FEATURES}/${key}/environments/development/strategies`, {
          name: 'flexibleRollout',
          parameters: { rollout: String(rolloutPercent), stickiness, groupId },
          constraints: constraints.map(({ contextField, operator, values, isInverted, isCaseInsensitive }) => ({
            ...{ contextName: contextField, operator, inverted: isInverted, caseInsensitive: isCaseInsensitive },
            ...(operator.startsWith('SEMVER') ? { value: values[0] } : { values }),
          })),
        })
      if (isEnabled) await admin(server, `${FEATURES}/${key}/environments/development/on`)
    }
    await untilSame(server, ours)
    const groups = CONTEXTS.map((context) => [{ body: JSON.stringify({ context }) }])
    return { ...{ name: `${NAME}, frontend API`, groups }, to: placeOf(server, '/api/frontend', FRONTEND) }
  })
}

/** Its admin API switches flags on and off. */
export function unleashToggles(): Promise<readonly Contestant[]> {
  return withServer(async (server) => {
    for (const key of TOGGLED) {
      await admin(server, FEATURES, { name: key, type: 'release' })
      await admin(server, `${FEATURES}/${key}/environments/development/strategies`, {
        name: 'flexibleRollout',
        parameters: { rollout: '100', stickiness: 'default', groupId: key },
      })
      await admin(server, `${FEATURES}/${key}/environments/development/on`)
    }
    const groups = TOGGLED.map((key) =>
      ['off', 'on'].map((to) => ({ body: '', path: `${FEATURES}/${key}/environments/development/${to}` })),
    )
    return { ...{ name: `${NAME}, admin API`, groups }, to: placeOf(server, '/', ADMIN) }
  })
}

/** Starts it on a database of its own, where PostgreSQL answers and it can be installed. */
async function withServer(make: (server: MeasuredProcess) => Promise<Omit<Contestant, 'server'>>): Promise<readonly Contestant[]> {
  if (!(await usePostgres())) return []
  return orNone(NAME, async () => {
    const PEERS = installed('unleash')
    const database = await createTestDatabase()
    const env = {
      ...{ NODE_ENV: 'production', PEERS, DATABASE_URL: database.url, DATABASE_SSL: 'false' },
      ...{ INIT_ADMIN_API_TOKENS: ADMIN, INIT_FRONTEND_API_TOKENS: FRONTEND },
    }
    const started = await startMeasured({ args: [new URL('./unleash-server.mjs', import.meta.url).pathname], env }).catch(
      async (error: unknown) => {
        await database.drop()
        throw error
      },
    )
    const stop = async (): Promise<void> => {
      await started.stop()
      await database.drop()
    }
    const server = { ...started, stop }
    try {
      return [{ ...(await make(server)), server }]
    } catch (error) {
      await stop()
      throw error
    }
  })
}

function placeOf({ url }: MeasuredProcess, path: string, authorization: string): Contestant['to'] {
  return { host: '127.0.0.1', port: Number(new URL(url).port), path, headers: { authorization } }
}

async function admin({ url }: MeasuredProcess, path: string, body?: object): Promise<void> {
  await post(`${url}${path}`, ADMIN, body ?? {})
}

async function post(url: string, authorization: string, body: object): Promise<string> {
  const headers = { 'content-type': 'application/json', authorization }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  const text = await response.text()
  if (!response.ok) throw new Error(`${url} answered ${response.status} ${text}`)
  return text
}

/** What it writes reaches its frontend API a little later. */
async function untilSame(server: MeasuredProcess, ours: BuiltServer): Promise<void> {
  const query = 'query ($context: EvaluationContextInput) { evaluateFlags(group: "bench", context: $context) { key isEnabled } }'
  for (const template of CONTEXTS) {
    const context = JSON.parse(JSON.stringify(template).replaceAll(SERIAL, '1')) as object
    const { evaluateFlags } = await ours.ask<{ evaluateFlags: { key: string; isEnabled: boolean }[] }>(query, { context })
    const expected = evaluateFlags.flatMap(({ key, isEnabled }) => (isEnabled ? [key] : [])).sort()
    for (let tries = 1; ; tries += 1) {
      const { toggles } = JSON.parse(await post(`${server.url}/api/frontend`, FRONTEND, { context })) as { toggles: { name: string }[] }
      const found = toggles.map(({ name }) => name).sort()
      if (found.join() === expected.join()) break
      if (tries > PATIENCE)
        throw new Error(`it answers ${found.join()} for ${JSON.stringify(context)}, and this project ${expected.join()}`)
      await wait(250)
    }
  }
}
