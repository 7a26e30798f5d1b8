import { parse } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLoadKinds } from '../../src/server/load/load-kind.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { openSocket } from '../testkit/sockets.js'
import { until } from '../testkit/until.js'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

const ROWS = '{ changes(first: 20) { nodes { id } } }'
const SWITCH = 'mutation { setMaintenanceMode(input: { mode: NORMAL }) { userErrors { code } } }'

/** Everything that asks for rows waits until it is let go on, which is more than there is room for. */
async function whileRowsAreFull(work: () => Promise<void>): Promise<{ status: number; code: unknown; retryAfter: string | null }[]> {
  const { database } = server.services
  const { askPrisma } = database
  let letGo: () => void = () => undefined
  const gate = new Promise<void>((resolve) => {
    letGo = resolve
  })
  Object.assign(database, { askPrisma: (question: Parameters<typeof askPrisma>[0]) => gate.then(() => askPrisma(question)) })
  const answers: { status: number; code: unknown; retryAfter: string | null }[] = []
  const asking = Array.from({ length: 200 }, async () => {
    const { status, errors, headers } = await server.gql(ROWS)
    answers.push({ status, code: errors?.[0]?.extensions?.['code'], retryAfter: headers.get('retry-after') })
  })
  try {
    // Those for whom there is no room are answered while the others wait.
    await until(() => answers.length >= 150)
    await work()
  } finally {
    letGo()
    Object.assign(database, { askPrisma })
  }
  await Promise.all(asking)
  return answers
}

describe('while more ask for rows than can be answered in time', () => {
  it('the rest is told so at once, and what needs no rows is answered', async () => {
    const { key } = await server.addClient({ name: 'evaluator', role: 'EVALUATOR' })
    const answers = await whileRowsAreFull(async () => {
      expect((await fetch(`${server.url}/livez`)).status).toBe(200)
      expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
      expect((await server.gql('{ evaluateFlag(key: "any") { isEnabled } }', {}, { key })).status).toBe(200)
      expect((await server.gql(SWITCH)).data).toEqual({ setMaintenanceMode: { userErrors: [] } })
      expect((await server.gql('mutation { setFeatureFlag(input: { key: "meanwhile" }) { revision } }')).status).toBe(200)
      const { messages, ask } = await openSocket(server.url, { apiKey: server.adminKey })
      await until(() => messages.length === 1)
      ask('rows', ROWS)
      ask('memory', '{ viewer { role } }')
      await until(() => messages.some(({ id, type }) => id === 'memory' && type === 'complete'))
      expect(messages.find(({ id }) => id === 'rows')).toMatchObject({
        type: 'error',
        payload: [{ extensions: { code: 'UNAVAILABLE', retryAfterSeconds: expect.any(Number) } }],
      })
      const headers = { 'x-api-key': server.adminKey }
      const metrics = await (await fetch(`${server.url}/metrics`, { headers })).text()
      expect(metrics).toMatch(/^valhalla_operations_in_flight\{kind="rows"\} 48$/m)
      expect(Number(/^valhalla_requests_shed_total\{reason="rows"\} (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThanOrEqual(150)
    })
    const refused = answers.filter(({ status }) => status !== 200)
    expect(refused).toHaveLength(152)
    expect(new Set(refused.map(({ status, code }) => `${status} ${code}`))).toEqual(new Set(['503 UNAVAILABLE']))
    expect(refused.every(({ retryAfter }) => ['1', '2', '3', '4', '5'].includes(String(retryAfter)))).toBe(true)
    // All that had begun has ended.
    expect((await server.gql(ROWS)).status).toBe(200)
    // They are many, and nobody was denied anything.
    const { data } = await server.gql('{ auditEvents(first: 100) { nodes { code } } }')
    expect(JSON.stringify(data)).not.toContain('UNAVAILABLE')
  })
})

describe('what leads to rows', () => {
  it('is known of every query that asks the database', async () => {
    const { data } = await server.gql('{ operations(filter: { kind: QUERY }) { name sample } }')
    const { database } = server.services
    const { ask, askPrisma } = database
    let asked = 0
    Object.assign(database, {
      ask: (...question: Parameters<typeof ask>) => {
        asked += 1
        return ask(...question)
      },
      askPrisma: (question: Parameters<typeof askPrisma>[0]) => {
        asked += 1
        return askPrisma(question)
      },
    })
    const kinds = createLoadKinds(server.services.service.door.schema)
    const unknown: string[] = []
    for (const { name, sample } of (data as unknown as { operations: { name: string; sample: string }[] }).operations) {
      asked = 0
      await server.gql(sample)
      if (asked > 0 && kinds.kindOf(parse(sample)) !== 'rows') unknown.push(name)
    }
    Object.assign(database, { ask, askPrisma })
    expect(unknown).toEqual([])
  })
})
