import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Database } from '../../src/core/database/database.js'
import { SYSTEM_PACKS } from '../../src/packs/system-status/pack-registry.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { Session } from '../testkit/session.js'

// The rest of the session: the status of the system, the change log, and who may not do what.

const MOMENT = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
const ERRORS = 'userErrors { code field }'
const STATUS = 'systemStatus { version backendComplete completedAt notes }'
const COMPLETE = `mutation($input: MarkBackendCompleteInput) { markBackendComplete(input: $input) { ${STATUS} ${ERRORS} } }`
const INCOMPLETE = `mutation($input: MarkBackendIncompleteInput) { markBackendIncomplete(input: $input) { ${STATUS} ${ERRORS} } }`
const VERSION = `mutation($input: UpdateSystemVersionInput!) { updateSystemVersion(input: $input) { ${STATUS} ${ERRORS} } }`
const SET_CONFIG = 'mutation($input: SetConfigInput!) { setConfig(input: $input) { configEntry { id } userErrors { code } revision } }'
const CHANGES = `query($filter: ChangeFilter, $first: Int, $after: String) {
  changes(filter: $filter, first: $first, after: $after) {
    nodes { id revision pack targetType targetId operation action actor { id } at } pageInfo { hasNextPage endCursor } totalCount
  }
}`

let session: Session
beforeAll(async () => {
  session = await Session.begin()
})
afterAll(() => session.end())

describe('the status of the system', () => {
  const accepted = (systemStatus: object): object => ({ systemStatus, userErrors: [] })
  const refused = { systemStatus: null, userErrors: [{ code: 'INVALID', field: ['version'] }] }

  it('metadata defaults: version 1.0.0, not complete, no notes', async () => {
    const defaults = { version: '1.0.0', backendComplete: false, completedAt: null, notes: null, updatedAt: MOMENT }
    expect(await session.one('{ systemStatus { version backendComplete completedAt notes updatedAt } }')).toEqual(defaults)
  })

  it('16 packs registry: H to W, all installed, also in the status and by their status', async () => {
    const { packs, installed, pending, status } = await session.ask(`{
      packs { id name status } installed: packs(status: INSTALLED) { id } pending: packs(status: PENDING) { id }
      status: systemStatus { packs { id name status } summary { totalPacks installedPacks } }
    }`)
    expect(packs).toEqual(SYSTEM_PACKS)
    expect(SYSTEM_PACKS.map(({ id, status: of }) => [id, of])).toEqual([...'HIJKLMNOPQRSTUVW'].map((id) => [id, 'INSTALLED']))
    expect(installed).toEqual([...'HIJKLMNOPQRSTUVW'].map((id) => ({ id })))
    expect(pending).toEqual([])
    expect(status).toEqual({ packs: SYSTEM_PACKS, summary: { totalPacks: 16, installedPacks: 16 } })
  })

  it('case-insensitive look-up: a pack is found by its letter in either case, an unknown one is null', async () => {
    const w = { id: 'W', name: 'System Completion Metadata', status: 'INSTALLED' }
    expect(await session.one('{ pack(id: "w") { id name status } }')).toEqual(w)
    expect(await session.one('{ pack(id: "W") { id name status } }')).toEqual(w)
    for (const id of ['Z', 'ww', '', ' w']) expect(await session.one('query($id: ID!) { pack(id: $id) { id } }', { id })).toBeNull()
  })

  it('complete, incomplete, complete: the moment is stamped, kept when said again, cleared, and stamped anew', async () => {
    const complete = { version: '1.0.0', backendComplete: true, completedAt: MOMENT, notes: null }
    const first = await session.write(COMPLETE, {})
    expect(first).toEqual(accepted(complete))
    expect(await session.one(COMPLETE)).toEqual(first)
    expect(await session.one(INCOMPLETE)).toEqual(accepted({ ...complete, backendComplete: false, completedAt: null }))
    const second = await session.one(COMPLETE)
    expect(second).toEqual(accepted(complete))
    const momentOf = (payload: unknown) => (payload as { systemStatus: { completedAt: string } }).systemStatus.completedAt
    expect(Date.parse(momentOf(second))).toBeGreaterThan(Date.parse(momentOf(first)))
  })

  it('notes: given ones are kept until others come, and null clears them', async () => {
    const notesOf = async (query: string, input: object) =>
      ((await session.write(query, input)) as { systemStatus: { notes: unknown } }).systemStatus.notes
    expect(await notesOf(COMPLETE, { notes: 'Backend verification passed' })).toBe('Backend verification passed')
    expect(await notesOf(INCOMPLETE, {})).toBe('Backend verification passed')
    expect(await notesOf(VERSION, { version: '1.0.1', notes: 'patch' })).toBe('patch')
    expect(await notesOf(COMPLETE, { notes: null })).toBeNull()
  })

  it('version: it is raised, never lowered; build metadata may change; what is no version is refused', async () => {
    const versions = async (version: string) => session.write(VERSION, { version })
    const status = { backendComplete: true, completedAt: MOMENT, notes: null }
    for (const version of ['1.1.0-rc.1', '1.1.0', '1.1.0+build.2', '1.1.0+build.1']) {
      expect(await versions(version)).toEqual(accepted({ ...status, version }))
    }
    for (const version of ['1.1.0-rc.2', '1.0.9', '0.9.0']) expect(await versions(version)).toEqual(refused)
    for (const version of ['2', 'v2.0.0', '2.0', 'two'])
      expect(await session.fault(VERSION, { input: { version } })).toEqual([400, 'BAD_USER_INPUT'])
    expect(await session.one('{ systemStatus { version } }')).toEqual({ version: '1.1.0+build.1' })
  })
})

describe('the change log', () => {
  it('shows of an object who changed what, why and in which call, newest first, also after it was deleted and made again', async () => {
    const steps = [
      await session.send(SET_CONFIG, { input: { key: 'story', value: 1, reason: 'begin' } }),
      await session.send(SET_CONFIG, { input: { key: 'story', value: 2 } }),
      await session.send('mutation { deleteConfig(input: { key: "story", reason: "end" }) { revision } }'),
      await session.send(SET_CONFIG, { input: { key: 'story', value: 3 } }),
    ]
    const [, , , last] = steps.map(({ headers }) => headers.get('x-request-id'))
    const fields = 'id operation action reason correlationId before after at actor { name clientType } isRevertible'
    const entry = (await session.one(`{ config(key: "story") { lastChange { id } history { nodes { ${fields} } totalCount } } }`)) as {
      readonly lastChange: { readonly id: string }
      readonly history: { readonly nodes: Record<string, unknown>[]; readonly totalCount: number }
    }
    const { nodes } = entry.history
    expect(nodes.map(({ action, reason, before, after }) => [action, reason, valueIn(before), valueIn(after)])).toEqual([
      ['CREATE', null, null, 3],
      ['DELETE', 'end', 2, null],
      ['UPDATE', null, 1, 2],
      ['CREATE', 'begin', null, 1],
    ])
    expect(entry.history.totalCount).toBe(4)
    expect(nodes.map(({ correlationId }) => correlationId)).toEqual(steps.map(({ headers }) => headers.get('x-request-id')).reverse())
    const change = { operation: 'setConfig', action: 'CREATE', reason: null, correlationId: last, at: MOMENT, isRevertible: true }
    expect(nodes[0]).toMatchObject({ ...change, id: entry.lastChange.id, actor: { name: 'first admin', clientType: 'SCRIPT' } })
  })

  it('answers one change by its id, and null for one that is not there', async () => {
    const { nodes } = await session.page(CHANGES, { first: 1 })
    const [newest] = nodes
    expect(await session.one('query($id: ID!) { change(id: $id) { id operation } }', { id: newest?.['id'] })).toEqual({
      id: newest?.['id'],
      operation: newest?.['operation'],
    })
    for (const id of ['999999.0', '1.7', 'nonsense', '0.0'])
      expect(await session.one('query($id: ID!) { change(id: $id) { id } }', { id })).toBeNull()
  })

  it('holds every revision once, without a gap, down to the first start', async () => {
    const head = await session.revision()
    const revisions = (await session.pages(CHANGES, { first: 7 }, { field: 'revision' })).flat()
    expect(revisions).toEqual(Array.from({ length: head }, (_, index) => head - index))
  })

  it('pages hold everything once while others go on writing', async () => {
    const head = await session.revision()
    const between = () => session.write(SET_CONFIG, { key: 'noise', value: Math.random() })
    const revisions = (await session.pages(CHANGES, { first: 4 }, { field: 'revision', between })).flat()
    expect(revisions).toEqual(Array.from({ length: head }, (_, index) => head - index))
  })

  it('filters by each of its fields, and all of them have to hold', async () => {
    await session.one('mutation { setFeatureFlag(input: { key: "f" }) { revision } }')
    const all = (await session.page(CHANGES, { first: 100 })).nodes
    const newest = all[0] ?? {}
    const middle = all[Math.floor(all.length / 2)] ?? {}
    const [revision, at, actor] = [Number(middle['revision']), String(middle['at']), newest['actor'] as { id: string }]
    const cases: readonly [object, (change: Readonly<Record<string, unknown>>) => boolean][] = [
      [{ pack: 'UA' }, ({ pack }) => pack === 'UA'],
      [{ targetType: 'SystemStatus' }, ({ targetType }) => targetType === 'SystemStatus'],
      [{ targetId: newest['targetId'] }, ({ targetId }) => targetId === newest['targetId']],
      [{ operation: 'deleteConfig' }, ({ operation }) => operation === 'deleteConfig'],
      [{ actorId: 'system' }, (change) => (change['actor'] as { id: string }).id === 'system'],
      [{ actorId: actor.id, pack: 'W' }, (change) => (change['actor'] as { id: string }).id === actor.id && change['pack'] === 'W'],
      [{ sinceRevision: revision }, (change) => Number(change['revision']) > revision],
      [{ untilRevision: revision }, (change) => Number(change['revision']) <= revision],
      [{ since: at }, (change) => String(change['at']) >= at],
      [{ until: at }, (change) => String(change['at']) <= at],
    ]
    for (const [filter, isMeant] of cases) {
      const expected = all.filter(isMeant)
      const { nodes, totalCount } = await session.page(CHANGES, { filter, first: 100 })
      expect({ filter, nodes, totalCount }).toEqual({ filter, nodes: expected, totalCount: expected.length })
      expect(expected.length).toBeGreaterThan(0)
      expect(expected.length).toBeLessThan(all.length)
    }
  })

  it('and every list refuse a page that is too large and a cursor of something else, as BAD_USER_INPUT', async () => {
    const { pageInfo } = await session.page('{ configs(first: 1) { nodes { key } pageInfo { hasNextPage endCursor } totalCount } }')
    for (const list of ['configs', 'featureFlags', 'changes']) {
      for (const args of ['first: 101', 'first: -1', 'after: "nonsense"', `after: "${Buffer.from('2:x').toString('base64url')}"`]) {
        expect([list, args, ...(await session.fault(`{ ${list}(${args}) { totalCount nodes { id } } }`))]).toEqual([
          list,
          args,
          400,
          'BAD_USER_INPUT',
        ])
      }
    }
    expect(await session.fault(CHANGES, { after: pageInfo.endCursor })).toEqual([400, 'BAD_USER_INPUT'])
    const flags = '{ featureFlags(first: 1, after: "AFTER") { nodes { key } } }'.replace('AFTER', String(pageInfo.endCursor))
    expect(await session.fault(flags)).toEqual([400, 'BAD_USER_INPUT'])
  })
})

describe('who may do what', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer()
  })
  afterAll(() => server.close())

  it('a role that may not write is refused with 403 FORBIDDEN, nothing is changed, and it may read', async () => {
    const { key } = await server.addClient({ role: 'OBSERVER', name: 'observer' })
    const head = server.services.ledger.snapshot.revision
    for (const call of ['setConfig(input: { key: "a", value: 1 })', 'setFeatureFlag(input: { key: "a" })', 'markBackendComplete']) {
      const { status, errors } = await server.gql(`mutation { ${call} { revision } }`, {}, { key })
      expect([call, status, errors?.[0]?.extensions?.['code']]).toEqual([call, 403, 'FORBIDDEN'])
    }
    expect(server.services.ledger.snapshot.revision).toBe(head)
    expect((await server.gql('{ configs { totalCount } }', {}, { key })).data).toEqual({ configs: { totalCount: 0 } })
  })

  it('an evaluator may ask for flags and the summary, and for nothing else', async () => {
    const { key } = await server.addClient({ role: 'EVALUATOR', name: 'evaluator' })
    const { data } = await server.gql('{ isFeatureEnabled(key: "a") systemSummary { totalPacks } }', {}, { key })
    expect(data).toEqual({ isFeatureEnabled: true, systemSummary: { totalPacks: 16 } })
    for (const query of [
      'configs { totalCount }',
      'featureFlags { totalCount }',
      'changes { totalCount }',
      'securitySnapshot { activeClients }',
    ]) {
      expect([query, (await server.gql(`{ ${query} }`, {}, { key })).status]).toEqual([query, 403])
    }
  })

  it('an operator may write, but only an admin unlocks', async () => {
    const { key } = await server.addClient({ role: 'OPERATOR', name: 'operator' })
    const set =
      'mutation { setConfig(input: { key: "locked", value: 1, isMutable: false }) { configEntry { version } userErrors { code } } }'
    expect((await server.gql(set, {}, { key })).data).toEqual({ setConfig: { configEntry: { version: 1 }, userErrors: [] } })
    const unlock = 'mutation { unlockConfig(input: { key: "locked", reason: "x" }) { configEntry { isMutable } } }'
    expect((await server.gql(unlock, {}, { key })).status).toBe(403)
    expect((await server.gql(unlock)).data).toEqual({ unlockConfig: { configEntry: { isMutable: true } } })
  })

  it('summary without database: packs are counted, and flags and entries are read, when the database is gone', async () => {
    await server.gql('mutation { setFeatureFlag(input: { key: "kept", isEnabled: false }) { revision } }')
    await (server.services.database as Database).close()
    const { data } = await server.gql(`{
      systemSummary { totalPacks installedPacks pendingPacks deprecatedPacks experimentalPacks }
      isFeatureEnabled(key: "kept") config(key: "locked") { value }
    }`)
    expect(data).toEqual({
      systemSummary: { totalPacks: 16, installedPacks: 16, pendingPacks: 0, deprecatedPacks: 0, experimentalPacks: 0 },
      isFeatureEnabled: false,
      config: { value: 1 },
    })
    const { status, errors } = await server.gql('{ changes { totalCount } }')
    expect([status, errors?.[0]?.extensions?.['code']]).toEqual([503, 'UNAVAILABLE'])
  })
})

function valueIn(image: unknown): unknown {
  return (image as { value: unknown } | null)?.value ?? null
}
