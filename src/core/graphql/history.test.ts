import type { GraphQLSchema } from 'graphql'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { settingsOf } from '../../../test/testkit/api-clients.js'
import { ENGINES, openTestDatabase } from '../../../test/testkit/databases.js'
import { ask, contextOf, coreOf } from '../../../test/testkit/guarded-schema.js'
import { openTestLedger, run, TESTER } from '../../../test/testkit/ledger.js'
import { setConfig } from '../../packs/config-registry/config-entry.commands.js'
import { packs } from '../../packs/index.js'
import { buildPackSchema } from '../../server/schema.js'
import type { Database } from '../database/database.js'
import { ChangeLog } from '../ledger/change-log.js'
import type { Ledger } from '../ledger/ledger.js'

const ENTRIES = 12
const VERSIONS = 4

let schema: GraphQLSchema
beforeAll(() => {
  schema = buildPackSchema(packs)
})

describe.each(ENGINES)('changes on %s', (engine) => {
  let database: Database
  let ledger: Ledger
  let statements: number

  beforeEach(async () => {
    database = await openTestDatabase(engine)
    ledger = await openTestLedger(database)
    for (let version = 0; version < VERSIONS; version += 1)
      for (let entry = 0; entry < ENTRIES; entry += 1) await run(ledger, setConfig, { key: `e/${entry}`, value: { version } })
  })
  afterEach(async () => {
    await ledger.close()
    await database.close()
  })

  /** The answer, read through a database that counts what it is asked. */
  async function answer(query: string, { snapshot }: Pick<Ledger, 'snapshot'> = ledger): Promise<unknown> {
    statements = 0
    const counting: Database = {
      ...database,
      ask: (text, values) => {
        statements += 1
        return database.ask(text, values)
      },
      askPrisma: (question) => {
        statements += 1
        return database.askPrisma(question)
      },
    }
    const core = coreOf({ database: counting, changeLog: new ChangeLog(counting), settings: settingsOf({}) })
    const { data, errors } = await ask(schema, query, contextOf({ caller: TESTER, snapshot, core }))
    expect(errors).toBeUndefined()
    return data
  }

  const nodesOf = (of: (version: number) => unknown) => Array.from({ length: VERSIONS }, (_, index) => of(VERSIONS - 1 - index))

  it('are told as far as the snapshot goes: the last one of a record is the one that left it as it is shown', async () => {
    const { snapshot } = ledger
    await run(ledger, setConfig, { key: 'e/0', value: 'newer' })
    const query = '{ config(key: "e/0") { value lastChange { revision } } }'
    expect(await answer(query, { snapshot })).toEqual({
      config: { value: { version: VERSIONS - 1 }, lastChange: { revision: ENTRIES * (VERSIONS - 1) + 1 } },
    })
    expect(await answer(query)).toEqual({ config: { value: 'newer', lastChange: { revision: ENTRIES * VERSIONS + 1 } } })
  })

  it('of a whole page are read with one statement, and their images with another', async () => {
    const data = await answer(
      '{ configs { nodes { key history(first: 10) { nodes { before after } totalCount pageInfo { hasNextPage } } } } }',
    )
    const { nodes } = (data as { configs: { nodes: Record<string, unknown>[] } }).configs
    expect(nodes).toHaveLength(ENTRIES)
    for (const { history } of nodes)
      expect(history).toMatchObject({
        nodes: nodesOf((version) => ({
          before: version === 0 ? null : { value: { version: version - 1 } },
          after: { value: { version } },
        })),
        totalCount: VERSIONS,
        pageInfo: { hasNextPage: false },
      })
    expect(statements).toBe(3)
  })

  it('are read without their images where nobody asks for them', async () => {
    await answer('{ configs { nodes { history(first: 2) { nodes { id actor { id } at } } lastChange { id } } } }')
    expect(statements).toBe(2)
    await answer('{ a: configs { nodes { lastChange { revision } } } b: configs(first: 3) { nodes { lastChange { after } } } }')
    expect(statements).toBe(2)
  })

  it('are paged each by its own cursor, beside others', async () => {
    const first = await answer('{ a: config(key: "e/1") { history(first: 1) { pageInfo { endCursor } } } }')
    const { endCursor } = (first as { a: { history: { pageInfo: { endCursor: string } } } }).a.history.pageInfo
    const data = await answer(
      `{ a: config(key: "e/1") { history(first: 2, after: "${endCursor}") { nodes { after } pageInfo { hasNextPage hasPreviousPage } } }
         b: config(key: "e/2") { history(first: 1) { nodes { after } pageInfo { hasNextPage hasPreviousPage } } } }`,
    )
    expect(data).toMatchObject({
      a: {
        history: {
          nodes: [{ after: { value: { version: 2 } } }, { after: { value: { version: 1 } } }],
          pageInfo: { hasNextPage: true, hasPreviousPage: true },
        },
      },
      b: { history: { nodes: [{ after: { value: { version: 3 } } }], pageInfo: { hasNextPage: true, hasPreviousPage: false } } },
    })
    expect(statements).toBe(2)
  })

  it('of the log are read with their images by one statement where these are small, and large ones by another', async () => {
    const ask = async (first: number) => (await answer(`{ changes(first: ${first}) { nodes { before after } } }`)) as { changes: unknown }
    expect((await ask(2)).changes).toEqual({
      nodes: [11, 10].map((entry) => ({
        before: expect.objectContaining({ key: `e/${entry}`, value: { version: VERSIONS - 2 } }),
        after: expect.objectContaining({ key: `e/${entry}`, value: { version: VERSIONS - 1 } }),
      })),
    })
    expect(statements).toBe(1)
    const values = [0, 1, 2].map((round) => noise(60_000, round))
    for (const value of values) await run(ledger, setConfig, { key: 'large', value })
    expect((await ask(3)).changes).toMatchObject({ nodes: [2, 1, 0].map((round) => ({ after: { value: values[round] } })) })
    expect(statements).toBe(2)
    await answer('{ changes(first: 3) { nodes { ...Images } totalCount } } fragment Images on Change { after }')
    // Counting asks where the log begins and ends, then stretch by stretch.
    expect(statements).toBe(4)
    await answer('{ changes(first: 3) { nodes { id } } }')
    expect(statements).toBe(1)
  })

  it('have large images read in parts, of which each is as it was', async () => {
    const sizes = [60_000, 1, 60_000, 30_000, 60_000, 60_000]
    for (let round = 0; round < 20; round += 1)
      for (const [index, size] of sizes.entries()) await run(ledger, setConfig, { key: `large/${index}`, value: noise(size, round) })
    const places = (await new ChangeLog(database).page({ targetType: 'ConfigEntry' }, { take: 120 })).flatMap(({ revision, ordinal }) =>
      (['before', 'after'] as const).map((side) => ({ revision, ordinal, side })),
    )
    const log = new ChangeLog(database)
    const read: unknown[] = []
    let parts = 0
    for (; read.length < places.length; parts += 1) read.push(...(await log.imagesOf(places.slice(read.length))).map(({ image }) => image))
    expect(parts).toBeGreaterThan(3)
    const wanted = await Promise.all(places.map(async ({ revision, ordinal, side }) => (await log.find(`${revision}.${ordinal}`))?.[side]))
    expect(read).toEqual(wanted)
  })

  it('that are in the log no more have no images', async () => {
    expect(await new ChangeLog(database).imagesOf([{ revision: 999, ordinal: 0, side: 'after' }])).toEqual([{ image: null, bytes: 0 }])
  })
})

/** A text that no database makes shorter. */
function noise(length: number, seed: number): string {
  let state = seed + 1
  return Array.from({ length }, () => {
    state = (state * 48_271) % 2_147_483_647
    return String.fromCharCode(97 + (state % 26))
  }).join('')
}
