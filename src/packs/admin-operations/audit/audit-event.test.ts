import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, ENGINES, openTestDatabase, silentLog } from '../../../../test/testkit/databases.js'
import { startTcpProxy } from '../../../../test/testkit/tcp-proxy.js'
import { AuditTrail } from '../../../core/background/audit.js'
import type { Database } from '../../../core/database/database.js'
import { openPostgres } from '../../../core/database/postgres/postgres.js'
import { encodeCursor } from '../../../core/graphql/connection.js'
import type { Clock } from '../../../core/platform/clock.js'
import { createLog } from '../../../core/platform/log.js'
import { pageOfAuditEvents } from './audit-event.queries.js'
import type { AuditEventFilter } from './audit-event.types.js'

const log = createLog({ logLevel: 'silent' })
const minute = (n: number) => new Date(Date.UTC(2026, 0, 1, 12, n))
const clockAt = (at: Date): Clock => ({ now: () => at, monotonicMs: () => 0 })

describe.each(ENGINES)('audit events on %s', (engine) => {
  let database: Database
  beforeAll(async () => {
    database = await openTestDatabase(engine)
    // Two in each minute, so that their order depends on more than the time.
    for (let n = 0; n < 6; n += 1) {
      const trail = new AuditTrail({ database, clock: clockAt(minute(n)), log, auditKey: undefined })
      trail.record({
        operation: 'setConfig',
        outcome: 'DENIED',
        code: 'FORBIDDEN',
        caller: { id: `c-${n % 2}`, name: 'caller', clientType: 'TYR' },
      })
      trail.record({ operation: 'authenticate', outcome: n % 3 === 0 ? 'FAILED' : 'DENIED', remoteAddress: '192.0.2.1' })
      await trail.close()
    }
  })
  afterAll(() => database.close())

  const find = async (filter: AuditEventFilter, args: { first?: number; after?: string | null } = {}) =>
    pageOfAuditEvents(database, filter, { first: 100, ...args })

  it('come newest first, in pages without a gap or a repeat', async () => {
    const all = (await find({})).nodes
    expect(all).toHaveLength(12)
    expect(all.map(({ at }) => at.getTime())).toEqual(all.map(({ at }) => at.getTime()).toSorted((a, b) => b - a))
    for (const first of [1, 5, 7, 11, 12]) {
      const seen: string[] = []
      for (let after: string | null = null, hasNext = true; hasNext; ) {
        const { nodes, pageInfo, totalCount } = await find({}, { first, after })
        seen.push(...nodes.map(({ id }) => id))
        expect(await totalCount()).toBe(12)
        expect(pageInfo.hasPreviousPage).toBe(after !== null)
        after = pageInfo.endCursor
        hasNext = pageInfo.hasNextPage
      }
      expect(seen).toEqual(all.map(({ id }) => id))
    }
  })

  it('are whole', async () => {
    const [event] = (await find({ operation: 'setConfig' }, { first: 1 })).nodes
    expect(event).toEqual({
      id: expect.any(String),
      at: minute(5),
      operation: 'setConfig',
      outcome: 'DENIED',
      code: 'FORBIDDEN',
      actor: { id: 'c-1', name: 'caller', clientType: 'TYR' },
      remoteAddress: null,
      detail: { count: 1, firstAt: minute(5).toISOString(), lastAt: minute(5).toISOString() },
    })
    const [stranger] = (await find({ operation: 'authenticate' }, { first: 1 })).nodes
    expect(stranger).toMatchObject({ actor: null, code: null, remoteAddress: '192.0.2.1' })
  })

  it.each<[string, AuditEventFilter, number]>([
    ['an operation', { operation: 'setConfig' }, 6],
    ['an outcome', { outcome: 'FAILED' }, 2],
    ['an actor', { actorId: 'c-0' }, 3],
    ['since a time, it included', { since: minute(4) }, 4],
    ['until a time, it included', { until: minute(1) }, 4],
    ['all of it', { operation: 'authenticate', outcome: 'DENIED', since: minute(1), until: minute(2), actorId: null }, 2],
    ['nothing that there is', { operation: 'setConfig', outcome: 'SUCCEEDED' }, 0],
  ])('are found by %s', async (_, filter, count) => {
    const { nodes, totalCount } = await find(filter)
    expect([nodes.length, await totalCount()]).toEqual([count, count])
  })

  it.each([
    'nonsense',
    encodeCursor('AuditEvent', 'nonsense'),
    encodeCursor('AuditEvent', '2026-01-01T12:00:00.000Z'),
    encodeCursor('AuditEvent', '2026-99-01T12:00:00.000Z/00000000-0000-7000-8000-000000000000'),
  ])('refuse the cursor %s of another list', async (after) => {
    await expect(find({}, { after })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
  })
})

describe.runIf(ENGINES.includes('postgresql'))('audit events with the database away', () => {
  it('answer UNAVAILABLE, and are written once it is back', async () => {
    const { url, drop } = await createTestDatabase()
    const proxy = await startTcpProxy(url)
    const database = await openPostgres({ url: proxy.url, log: silentLog })
    const trail = new AuditTrail({ database, clock: clockAt(minute(0)), log, auditKey: undefined })
    const page = await pageOfAuditEvents(database, {}, { first: 1 })
    await proxy.cut()
    trail.record({ operation: 'setConfig', outcome: 'FAILED', code: 'UNAVAILABLE' })
    await trail.flush()
    await expect(pageOfAuditEvents(database, {}, { first: 1 })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await expect(page.totalCount).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await proxy.restore()
    await trail.close()
    expect((await pageOfAuditEvents(database, {}, { first: 1 })).nodes).toMatchObject([{ operation: 'setConfig', code: 'UNAVAILABLE' }])
    await database.close()
    await proxy.close()
    await drop()
  })
})
