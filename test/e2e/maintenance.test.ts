import { createClient } from 'graphql-ws'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { ClientType, Role } from '../../src/core/contract/caller.js'
import { MAINTENANCE_SWITCH_ID, maintenanceSwitchCollection, switchOf } from '../../src/packs/maintenance/maintenance-switch.collection.js'
import { HandClock } from '../testkit/hand-clock.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { until } from '../testkit/until.js'

let server: TestServer
const clock = new HandClock()
const keys = new Map<string, string>()

beforeAll(async () => {
  server = await startTestServer({}, {}, clock)
  const clients: [Role, ClientType][] = [
    ['EVALUATOR', 'WEWEB'],
    ['OBSERVER', 'INTEGRATION'],
    ['OBSERVER', 'HEIMDALL'],
    ['OPERATOR', 'TYR'],
  ]
  for (const [role, clientType] of clients) {
    const name = `${role} ${clientType}`
    keys.set(name, (await server.addClient({ name, role, clientType })).key)
  }
  keys.set('ADMIN', server.adminKey)
  await server.gql('mutation { setFeatureFlag(input: { key: "dark", isEnabled: false }) { revision } }')
})
afterEach(() => setMode('mode: NORMAL'))
afterAll(() => server.close())

const ask = (client: string, query: string) => server.gql(query, {}, { key: keys.get(client) ?? null })

async function setMode(input: string) {
  const answer = await server.gql(
    `mutation { setMaintenanceMode(input: { ${input} }) { maintenanceState { mode } userErrors { message } } }`,
  )
  expect([answer.status, answer.errors]).toEqual([200, undefined])
  return answer
}

/** A moment by the server's own clock, in seconds from now. */
const inSeconds = (seconds: number): string => new Date(clock.wallMs + seconds * 1000).toISOString()

const SET_FLAG = 'mutation { setFeatureFlag(input: { key: "x" }) { revision } }'
const READ_FLAGS = '{ featureFlags { totalCount } }'

describe('in READ_ONLY', () => {
  it('changes answer 503 with the reason and Retry-After, and reading goes on', async () => {
    const expiresAt = inSeconds(60)
    await setMode(`mode: READ_ONLY, reason: "moving the database", expiresAt: "${expiresAt}"`)
    const { revision } = server.services.ledger.snapshot
    const refused = await ask('ADMIN', SET_FLAG)
    expect(refused.status).toBe(503)
    const seconds = Number(refused.headers.get('retry-after'))
    expect(seconds).toBe(60)
    expect(refused.errors).toMatchObject([
      {
        path: ['setFeatureFlag'],
        extensions: {
          code: 'MAINTENANCE',
          mode: 'READ_ONLY',
          reason: 'moving the database',
          endsAt: expiresAt,
          retryAfterSeconds: seconds,
        },
      },
    ])
    expect(refused.errors?.[0]?.message).toContain('moving the database')
    expect(server.services.ledger.snapshot.revision).toBe(revision)
    for (const client of ['OBSERVER INTEGRATION', 'ADMIN'])
      expect((await ask(client, READ_FLAGS)).data).toEqual({ featureFlags: { totalCount: 1 } })
  })

  it('the newest change of the switch shows what it was and what it became', async () => {
    const expiresAt = inSeconds(60)
    const { version, createdAt, updatedAt } = switchOf(server.services.ledger.snapshot.view(maintenanceSwitchCollection))
    await setMode(`mode: READ_ONLY, reason: "moving the database", expiresAt: "${expiresAt}"`)
    const { data } = await server.gql('{ maintenanceState { lastChange { action before after reason } } }')
    const kept = { id: MAINTENANCE_SWITCH_ID, createdAt: createdAt.toISOString() }
    expect(data).toEqual({
      maintenanceState: {
        lastChange: {
          action: 'UPDATE',
          before: { ...kept, mode: 'NORMAL', reason: null, expiresAt: null, version, updatedAt: updatedAt.toISOString() },
          after: { ...kept, mode: 'READ_ONLY', reason: 'moving the database', expiresAt, version: version + 1, updatedAt: inSeconds(0) },
          reason: 'moving the database',
        },
      },
    })
  })

  it('no Retry-After is promised while no end is known', async () => {
    await setMode('mode: READ_ONLY')
    const refused = await ask('ADMIN', SET_FLAG)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, null])
  })

  it('the way back is open, and what follows it in one document is let through', async () => {
    await setMode('mode: READ_ONLY')
    const both = await ask(
      'OPERATOR TYR',
      `mutation { setMaintenanceMode(input: { mode: NORMAL }) { maintenanceState { mode } } setFeatureFlag(input: { key: "dark" }) { featureFlag { key } } }`,
    )
    expect(both.data).toEqual({
      setMaintenanceMode: { maintenanceState: { mode: 'NORMAL' } },
      setFeatureFlag: { featureFlag: { key: 'dark' } },
    })
  })

  it('what follows it in one document is refused, and what came before stands', async () => {
    const both = await ask(
      'ADMIN',
      'mutation { setMaintenanceMode(input: { mode: READ_ONLY }) { maintenanceState { mode } } setFeatureFlag(input: { key: "y" }) { revision } }',
    )
    expect(both.errors).toMatchObject([{ path: ['setFeatureFlag'], extensions: { code: 'MAINTENANCE' } }])
    expect((await ask('ADMIN', '{ maintenanceState { mode } }')).data).toEqual({ maintenanceState: { mode: 'READ_ONLY' } })
  })

  it('no step of an admin operation passes, not even one that would pass alone', async () => {
    await setMode('mode: READ_ONLY')
    const operation = (step: string) =>
      ask('ADMIN', `mutation { runAdminOperation(input: { steps: [{ ${step} }] }) { revision userErrors { code } } }`)
    expect((await operation('setFeatureFlag: { key: "x" }')).errors).toMatchObject([{ extensions: { code: 'MAINTENANCE' } }])
    expect((await operation('setMaintenanceMode: { mode: NORMAL }')).errors).toMatchObject([{ extensions: { code: 'MAINTENANCE' } }])
    expect((await ask('ADMIN', '{ maintenanceState { mode } }')).data).toEqual({ maintenanceState: { mode: 'READ_ONLY' } })
  })
})

describe('in MAINTENANCE', () => {
  const FRONT = '{ isFeatureEnabled(key: "dark") maintenanceState { mode } systemSummary { totalPacks } viewer { role } }'

  it.each([
    ['EVALUATOR WEWEB', 403],
    ['OBSERVER INTEGRATION', 503],
    ['OBSERVER HEIMDALL', 200],
    ['OPERATOR TYR', 200],
    ['ADMIN', 200],
  ])('%s is still answered evaluation and the state, and gets %d for other queries', async (client, status) => {
    await setMode(`mode: MAINTENANCE, expiresAt: "${inSeconds(60)}"`)
    const front = await ask(client, FRONT)
    expect([front.status, front.errors]).toEqual([200, undefined])
    expect(front.data).toMatchObject({ isFeatureEnabled: false, maintenanceState: { mode: 'MAINTENANCE' } })
    const other = await ask(client, READ_FLAGS)
    expect(other.status).toBe(status)
    expect(other.headers.has('retry-after')).toBe(status === 503)
  })

  it('a query that asks for both gets the part that is allowed', async () => {
    await setMode('mode: MAINTENANCE')
    const both = await ask('OBSERVER INTEGRATION', '{ maintenanceState { mode } featureFlag(key: "dark") { key } }')
    expect(both.data).toEqual({ maintenanceState: { mode: 'MAINTENANCE' }, featureFlag: null })
    expect(both.errors).toMatchObject([{ path: ['featureFlag'], extensions: { code: 'MAINTENANCE' } }])
  })

  it('the probes go on answering', async () => {
    await setMode('mode: MAINTENANCE')
    for (const path of ['/livez', '/readyz']) expect((await fetch(`${server.url}${path}`)).status).toBe(200)
  })
})

describe('a window', () => {
  it('freezes from its first moment on and not before, and lets go at its end, by the clock alone', async () => {
    const schedule = `mutation { scheduleMaintenanceWindow(input: { startsAt: "${inSeconds(1)}", endsAt: "${inSeconds(2)}", mode: READ_ONLY }) { userErrors { code } } }`
    expect((await ask('OPERATOR TYR', schedule)).data).toEqual({ scheduleMaintenanceWindow: { userErrors: [] } })
    const { revision } = server.services.ledger.snapshot
    const statuses = []
    for (const ms of [0, 999, 1, 999, 1]) {
      clock.pass(ms)
      statuses.push((await ask('ADMIN', 'mutation { deleteFeatureFlag(input: { key: "nobody" }) { revision } }')).status)
    }
    expect(statuses).toEqual([200, 200, 503, 503, 200])
    expect(server.services.ledger.snapshot.revision).toBe(revision)
  })
})

describe('subscriptions', () => {
  const clientOf = (name: string) =>
    createClient({
      url: `${server.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { apiKey: keys.get(name) },
      retryAttempts: 0,
    })

  /** What arrives at a subscriber, and how it ends. */
  function subscribe(name: string, query: string) {
    const received: unknown[] = []
    const client = clientOf(name)
    const ended = new Promise<unknown>((resolve) => {
      const next = ({ data, errors }: { data?: unknown; errors?: unknown }) => (errors ? resolve(errors) : received.push(data))
      client.subscribe({ query }, { next, error: resolve, complete: () => resolve('completed') })
    })
    return { received, ended, close: () => client.dispose() }
  }

  it('of those who may not read in MAINTENANCE end with that error instead of their next event; others go on', async () => {
    const observer = subscribe('OBSERVER INTEGRATION', 'subscription { changes { targetType } }')
    const dashboard = subscribe('OBSERVER HEIMDALL', 'subscription { changes { targetType } }')
    const front = subscribe('EVALUATOR WEWEB', 'subscription { maintenanceState { mode } }')
    await until(() => front.received.length === 1 && server.connections.size === 3)
    await until(async () => {
      await server.gql('mutation ($value: JSON!) { setConfig(input: { key: "n", value: $value }) { revision } }', { value: Math.random() })
      return observer.received.length > 0 && dashboard.received.length > 0
    })
    await setMode('mode: MAINTENANCE, reason: "moving house"')
    expect(await observer.ended).toMatchObject([{ extensions: { code: 'MAINTENANCE', mode: 'MAINTENANCE', reason: 'moving house' } }])
    expect(JSON.stringify(observer.received)).not.toContain('MaintenanceState')
    await until(() => JSON.stringify(dashboard.received).includes('MaintenanceState'))
    await until(() => front.received.length === 2)
    expect(front.received).toEqual([{ maintenanceState: { mode: 'NORMAL' } }, { maintenanceState: { mode: 'MAINTENANCE' } }])
    for (const { close } of [observer, dashboard, front]) await close()
  })

  it('of theirs do not begin in MAINTENANCE', async () => {
    await setMode('mode: MAINTENANCE')
    const { ended, received, close } = subscribe('OBSERVER INTEGRATION', 'subscription { changes { targetType } }')
    expect(await ended).toMatchObject([{ extensions: { code: 'MAINTENANCE' } }])
    expect(received).toEqual([])
    await close()
  })

  it('to the state tell when a window begins and ends by the clock', async () => {
    const { received, close } = subscribe(
      'EVALUATOR WEWEB',
      'subscription { maintenanceState { mode retryAfterSeconds nextWindow { id } } }',
    )
    await until(() => received.length === 1)
    await server.gql(
      `mutation { scheduleMaintenanceWindow(input: { startsAt: "${inSeconds(1)}", endsAt: "${inSeconds(1.5)}" }) { revision } }`,
    )
    for (const [ms, count] of [
      [1_000, 3],
      [500, 4],
    ] as const) {
      clock.pass(ms)
      await until(() => received.length === count)
    }
    const modes = received.map((data) => (data as { maintenanceState: { mode: string } }).maintenanceState.mode)
    expect(modes).toEqual(['NORMAL', 'NORMAL', 'MAINTENANCE', 'NORMAL'])
    await close()
  })
})
