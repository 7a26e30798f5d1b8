import type { GraphQLSchema } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clientWithKey, openClientLedger, settingsOf } from '../../../test/testkit/api-clients.js'
import { openTestDatabase } from '../../../test/testkit/databases.js'
import { ask, callerWith, contextOf, coreOf } from '../../../test/testkit/guarded-schema.js'
import { UsageMarks } from '../../core/background/usage.js'
import { ROLES, type Role, SYSTEM_CALLER } from '../../core/contract/caller.js'
import type { Database } from '../../core/database/database.js'
import { ChangeLog } from '../../core/ledger/change-log.js'
import type { Ledger } from '../../core/ledger/ledger.js'
import { type Clock, systemClock } from '../../core/platform/clock.js'
import { Draft } from '../../core/state/draft.js'
import type { Snapshot } from '../../core/state/snapshot.js'
import { guardSchema } from '../../enforcement/guard.js'
import { permissionsByRole } from '../../enforcement/permissions.js'
import { buildSchema } from '../../server/schema.js'
import { apiClientCollection } from './api-client.collection.js'
import type { ApiClientRecord } from './api-client.js'
import { ActorClientResolver, ApiClientResolver } from './api-client.resolver.js'
import { ensureFirstAdmin } from './first-admin/first-admin.js'
import { apiClients } from './index.js'
import { generateApiKey } from './keys/api-key.js'

const permissions = permissionsByRole([apiClients])
const day = (n: number) => new Date(Date.UTC(2026, 0, n))
const settings = settingsOf({
  NODE_ENV: 'production',
  VALHALLA_ENV: 'live-eu',
  VALHALLA_REGION: 'eu-west-1',
  VALHALLA_ALLOW_UNKEYED: 'true',
})
const clock: Clock = { now: () => day(10), monotonicMs: () => 0 }

let database: Database
let ledger: Ledger
let usage: UsageMarks
let schema: GraphQLSchema
/** The first admin, and these. */
let snapshot: Snapshot
const keyText = generateApiKey('live')
const front: ApiClientRecord = {
  ...clientWithKey({ name: 'Front end', clientType: 'WEWEB', role: 'EVALUATOR', expiresAt: day(20) }).client,
  id: 'c-1',
}
const old: ApiClientRecord = {
  ...clientWithKey({ name: 'old', isActive: false, description: 'The FRONT before', previousKeyExpiresAt: day(10) }).client,
  id: 'c-2',
}
const tool: ApiClientRecord = {
  ...clientWithKey({ name: 'tool', clientType: 'TYR', role: 'OPERATOR', previousKeyExpiresAt: day(11) }).client,
  id: 'c-3',
}

beforeAll(async () => {
  database = await openTestDatabase('pglite')
  const opened = await openClientLedger(database)
  ledger = opened.ledger
  usage = new UsageMarks({ database, clock: systemClock, log: opened.log })
  await ensureFirstAdmin(
    { settings: settingsOf({ VALHALLA_ADMIN_KEY: keyText }), clock: systemClock, log: opened.log, ledger },
    SYSTEM_CALLER,
  )
  const draft = new Draft(ledger.snapshot)
  for (const client of [front, old, tool]) draft.put(apiClientCollection, client)
  snapshot = draft.toSnapshot(ledger.snapshot)
  usage.touch('client', tool.id)
  schema = guardSchema(buildSchema([ApiClientResolver, ActorClientResolver]), { permissions })
})
afterAll(() => database.close())

const as = (role: Role, query: string, id?: string) =>
  ask(
    schema,
    query,
    contextOf({
      caller: callerWith(role, permissions, id),
      snapshot,
      core: coreOf({ usage, changeLog: new ChangeLog(database), clock, settings }),
    }),
  )
const firstAdmin = () => [...ledger.snapshot.view(apiClientCollection).values()][0] as ApiClientRecord

describe('viewer', () => {
  it.each(ROLES)('tells %s who it is and what it may do', async (role) => {
    const { data, errors } = await as(role, '{ viewer { apiClient { id name role } role permissions } }', front.id)
    expect(errors).toBe(undefined)
    const apiClient = { id: front.id, name: 'Front end', role: 'EVALUATOR' }
    const held = {
      EVALUATOR: [],
      OBSERVER: ['clients:read'],
      OPERATOR: ['clients:read', 'keys:verify'],
      ADMIN: ['clients:read', 'clients:write', 'keys:verify'],
    }
    expect(data).toEqual({ viewer: { apiClient, role, permissions: held[role] } })
  })

  it('shows the newest change of its client to those who may read clients', async () => {
    const ask = async (role: Role) =>
      (await as(role, '{ viewer { apiClient { lastChange { reason after actor { name } } } } }', firstAdmin().id)).data
    expect(await ask('EVALUATOR')).toEqual({ viewer: { apiClient: { lastChange: null } } })
    expect(await ask('OBSERVER')).toMatchObject({ viewer: { apiClient: { lastChange: { actor: { name: 'system' } } } } })
  })

  it('tells where it is', async () => {
    const { data } = await as('EVALUATOR', '{ viewer { environment region isProduction } }')
    expect(data).toEqual({ viewer: { environment: 'live-eu', region: 'eu-west-1', isProduction: true } })
  })

  it('is null for a caller that is no client', async () => {
    const { data } = await as('ADMIN', '{ viewer { apiClient { id } role } }', 'not-a-client')
    expect(data).toEqual({ viewer: { apiClient: null, role: 'ADMIN' } })
  })
})

describe('apiClient', () => {
  it('answers with everything but the key', async () => {
    const { data, errors } = await as(
      'OBSERVER',
      `{ apiClient(id: "${firstAdmin().id}") { id name clientType role keyPreview isActive description expiresAt lastUsedAt version createdAt updatedAt
         lastChange { operation action before after actor { id name apiClient { id } } } } }`,
    )
    expect(errors).toBe(undefined)
    const createdAt = firstAdmin().createdAt.toISOString()
    expect(data?.['apiClient']).toMatchObject({
      id: firstAdmin().id,
      name: 'first admin',
      clientType: 'SCRIPT',
      role: 'ADMIN',
      keyPreview: `${keyText.slice(0, 12)}…`,
      isActive: true,
      expiresAt: null,
      lastUsedAt: null,
      version: 1,
      createdAt,
      updatedAt: createdAt,
      lastChange: {
        operation: 'registerFirstAdmin',
        action: 'CREATE',
        before: null,
        actor: { id: 'system', name: 'system', apiClient: null },
      },
    })
    expect(JSON.stringify(data)).not.toContain(keyText.split('_')[3])
    expect(JSON.stringify(data)).not.toContain(firstAdmin().keyDigest)
    expect(JSON.stringify(data)).not.toContain(firstAdmin().keyId)
  })

  it('tells until when the key before the last rotation works, and nothing of one that has ended', async () => {
    const { data } = await as('OBSERVER', '{ apiClients { nodes { name previousKeyExpiresAt } } }')
    const page = data?.['apiClients'] as { nodes: { name: string; previousKeyExpiresAt: string | null }[] }
    expect(Object.fromEntries(page.nodes.map(({ name, previousKeyExpiresAt }) => [name, previousKeyExpiresAt]))).toEqual({
      'first admin': null,
      'Front end': null,
      old: null,
      tool: day(11).toISOString(),
    })
  })

  it('is null when there is none', async () => {
    expect((await as('OBSERVER', '{ apiClient(id: "nobody") { id } }')).data).toEqual({ apiClient: null })
  })
})

describe('apiClients', () => {
  const find = async (argument: string) => {
    const { data, errors } = await as('OBSERVER', `{ apiClients${argument} { nodes { name } totalCount } }`)
    expect(errors).toBe(undefined)
    const page = data?.['apiClients'] as { nodes: { name: string }[]; totalCount: number }
    expect(page.totalCount).toBe(page.nodes.length)
    return page.nodes.map(({ name }) => name)
  }

  it.each([
    ['', ['first admin', 'Front end', 'old', 'tool']],
    ['(filter: {})', ['first admin', 'Front end', 'old', 'tool']],
    ['(filter: { clientType: TYR })', ['tool']],
    ['(filter: { role: ADMIN })', ['first admin']],
    ['(filter: { isActive: false })', ['old']],
    ['(filter: { isActive: null, search: "front" })', ['Front end', 'old']],
    ['(filter: { expiresBefore: "2026-01-20T00:00:00.000Z" })', []],
    ['(filter: { expiresBefore: "2026-01-20T00:00:00.001Z" })', ['Front end']],
    ['(filter: { unusedSince: "2026-01-20T00:00:00.000Z" })', ['first admin', 'Front end', 'old']],
    ['(filter: { unusedSince: "2999-01-01T00:00:00.000Z", role: OPERATOR })', ['tool']],
    ['(filter: { clientType: TYR, isActive: false })', []],
  ])('%s', async (argument, names) => {
    expect(await find(argument)).toEqual(names)
  })

  it('comes in pages', async () => {
    const page = async (after: string | null) => {
      const { data } = await as(
        'OBSERVER',
        `{ apiClients(first: 3, after: ${JSON.stringify(after)}) { nodes { name } pageInfo { hasNextPage endCursor } totalCount } }`,
      )
      return data?.['apiClients'] as {
        nodes: { name: string }[]
        pageInfo: { hasNextPage: boolean; endCursor: string }
        totalCount: number
      }
    }
    const first = await page(null)
    const second = await page(first.pageInfo.endCursor)
    expect([first, second].map(({ nodes, pageInfo, totalCount }) => [nodes.length, pageInfo.hasNextPage, totalCount])).toEqual([
      [3, true, 4],
      [1, false, 4],
    ])
  })

  it('tells when a key was last used', async () => {
    const { data } = await as('OBSERVER', '{ apiClients(filter: { role: OPERATOR }) { nodes { lastUsedAt } } }')
    expect(data).toEqual({ apiClients: { nodes: [{ lastUsedAt: usage.lastAt('client', tool.id)?.toISOString() }] } })
  })
})

describe('who may read clients', () => {
  it.each(['{ apiClients { totalCount } }', '{ apiClient(id: "c-1") { id } }'])('everybody but an EVALUATOR may ask %s', async (query) => {
    const { errors } = await as('EVALUATOR', query)
    expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
    expect(errors?.[0]?.message).toContain('clients:read')
    expect(errors?.[0]?.message).toContain('EVALUATOR')
    for (const role of ['OBSERVER', 'OPERATOR', 'ADMIN'] as const) expect((await as(role, query)).errors).toBe(undefined)
  })

  it('the author of a change is a client to those who may read clients, and only a name to others', async () => {
    const resolver = new ActorClientResolver()
    const actor = { id: tool.id, name: tool.name, clientType: tool.clientType }
    const seenBy = (role: Role) =>
      resolver.apiClient(
        actor,
        contextOf({ caller: callerWith(role, permissions), snapshot, core: coreOf({ usage, changeLog: new ChangeLog(database) }) }),
      )
    expect(ROLES.map(seenBy)).toEqual([null, tool, tool, tool])
  })
})
