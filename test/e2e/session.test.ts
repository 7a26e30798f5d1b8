import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Session } from '../testkit/session.js'

// What somebody does with a shell and curl, in this order, on one server process with the embedded database.

const ERRORS = 'userErrors { code field }'
const ENTRY = 'configEntry { key value description isMutable valueSchema version }'
const SET_CONFIG = `mutation($input: SetConfigInput!) { setConfig(input: $input) { ${ENTRY} ${ERRORS} revision } }`
const DELETE_CONFIG = `mutation($input: DeleteConfigInput!) { deleteConfig(input: $input) { deletedKey ${ERRORS} revision } }`
const UNLOCK_CONFIG = `mutation($input: UnlockConfigInput!) { unlockConfig(input: $input) { configEntry { isMutable version } ${ERRORS} } }`
const CONFIGS = `query($filter: ConfigFilter, $first: Int, $after: String) {
  configs(filter: $filter, first: $first, after: $after) { nodes { key } pageInfo { hasNextPage hasPreviousPage endCursor } totalCount }
}`
const FLAG = 'featureFlag { key group description isEnabled version }'
const SET_FLAG = `mutation($input: SetFeatureFlagInput!) { setFeatureFlag(input: $input) { ${FLAG} ${ERRORS} revision } }`
const DELETE_FLAG = `mutation($input: DeleteFeatureFlagInput!) { deleteFeatureFlag(input: $input) { deletedKey ${ERRORS} revision } }`
const FLAGS = `query($filter: FeatureFlagFilter, $first: Int, $after: String) {
  featureFlags(filter: $filter, first: $first, after: $after) { nodes { key } pageInfo { hasNextPage hasPreviousPage endCursor } totalCount }
}`
const EVALUATE =
  'query($key: String!, $default: Boolean) { evaluateFlag(key: $key, default: $default) { isEnabled reason variant revision } }'

let session: Session
let revision: number

beforeAll(async () => {
  session = await Session.begin()
  revision = await session.revision()
})
afterAll(() => session.end())

/** The payload of a write that made the next revision. */
const accepted = (object: object): object => {
  revision += 1
  return { ...object, userErrors: [], revision }
}
const refused = (field: string, ...faults: readonly (readonly [code: string, ...field: string[]])[]): object => {
  return { [field]: null, userErrors: faults.map(([code, ...path]) => ({ code, field: path })), revision: null }
}
const keysOf = async (query: string, variables: Record<string, unknown>): Promise<unknown[]> =>
  (await session.page(query, variables)).nodes.map(({ key }) => key)

describe('the first start', () => {
  it('writes the key of the first admin to a file that only its owner can read, and the key works', async () => {
    expect(await session.keyFileMode()).toBe(0o600)
    expect(session.key).toMatch(/^vk_test_[0-9A-Za-z]{12}_[0-9A-Za-z]{32}_[0-9A-Za-z]+$/)
    expect(await session.one('{ viewer { role apiClient { name isActive } } }')).toEqual({
      role: 'ADMIN',
      apiClient: { name: 'first admin', isActive: true },
    })
  })

  it('answers nobody without a key: 401, for a syntax error as for a good query, and for a key that is wrong', async () => {
    for (const query of ['{ configs { totalCount } }', '{ configs {', 'nonsense']) {
      expect(await session.fault(query, {}, null)).toEqual([401, 'UNAUTHENTICATED'])
      expect(
        await session.fault(
          query,
          {},
          session.key.replace(/.$/, (last) => (last === '0' ? '1' : '0')),
        ),
      ).toEqual([401, 'UNAUTHENTICATED'])
    }
    expect(await session.fault('{ configs {')).toEqual([400, 'GRAPHQL_PARSE_FAILED'])
  })
})

describe('config', () => {
  const blank = { description: null, isMutable: true, valueSchema: null }

  it('create: a new entry is as it was given, with version 1, and get answers it', async () => {
    const entry = { ...blank, key: 'ui/theme', value: { dark: true, sizes: [1, 2.5] }, version: 1 }
    expect(await session.write(SET_CONFIG, { key: entry.key, value: entry.value })).toEqual(accepted({ configEntry: entry }))
    expect(await session.one('{ config(key: "ui/theme") { key value description isMutable valueSchema version } }')).toEqual(entry)
  })

  it('create: without a value it is refused', async () => {
    expect(await session.write(SET_CONFIG, { key: 'ui/none' })).toEqual(refused('configEntry', ['REQUIRED', 'value']))
  })

  it('update: what is given is changed, what is left out stays, null clears, and the same again changes nothing', async () => {
    const described = { ...blank, key: 'ui/theme', value: 'light', description: 'colours', version: 2 }
    expect(await session.write(SET_CONFIG, { key: 'ui/theme', value: 'light', description: 'colours' })).toEqual(
      accepted({ configEntry: described }),
    )
    const again = { configEntry: described, userErrors: [], revision: null }
    expect(await session.write(SET_CONFIG, { key: 'ui/theme', value: 'light' })).toEqual(again)
    const cleared = { ...described, description: null, version: 3 }
    expect(await session.write(SET_CONFIG, { key: 'ui/theme', description: null })).toEqual(accepted({ configEntry: cleared }))
  })

  it('update: a stale expectedVersion changes nothing, the present one does', async () => {
    expect(await session.write(SET_CONFIG, { key: 'ui/theme', value: 1, expectedVersion: 2 })).toEqual(
      refused('configEntry', ['STALE_VERSION', 'expectedVersion']),
    )
    expect(await session.write(SET_CONFIG, { key: 'ui/theme', value: 1, expectedVersion: 0 })).toEqual(
      refused('configEntry', ['STALE_VERSION', 'expectedVersion']),
    )
    expect(await session.one('{ config(key: "ui/theme") { value version } }')).toEqual({ value: 'light', version: 3 })
    const next = { ...blank, key: 'ui/theme', value: 1, version: 4 }
    expect(await session.write(SET_CONFIG, { key: 'ui/theme', value: 1, expectedVersion: 3 })).toEqual(accepted({ configEntry: next }))
  })

  it('not found: get answers null, delete and unlock answer NOT_FOUND', async () => {
    expect(await session.one('{ config(key: "no/such") { key } }')).toBeNull()
    expect(await session.write(DELETE_CONFIG, { key: 'no/such' })).toEqual(refused('deletedKey', ['NOT_FOUND', 'key']))
    expect(await session.write(UNLOCK_CONFIG, { key: 'no/such', reason: 'x' })).toMatchObject({
      userErrors: [{ code: 'NOT_FOUND', field: ['key'] }],
    })
  })

  it('immutable: a locked entry is neither changed nor deleted until it is unlocked with a reason', async () => {
    const locked = { ...blank, key: 'region', value: 'eu', isMutable: false, version: 1 }
    expect(await session.write(SET_CONFIG, { key: 'region', value: 'eu', isMutable: false })).toEqual(accepted({ configEntry: locked }))
    expect(await session.write(SET_CONFIG, { key: 'region', value: 'us' })).toEqual(refused('configEntry', ['IMMUTABLE', 'key']))
    expect(await session.write(SET_CONFIG, { key: 'region', isMutable: true })).toEqual(refused('configEntry', ['IMMUTABLE', 'key']))
    expect(await session.write(DELETE_CONFIG, { key: 'region' })).toEqual(refused('deletedKey', ['IMMUTABLE', 'key']))
    const noReason = { configEntry: null, userErrors: [{ code: 'REQUIRED', field: ['reason'] }] }
    expect(await session.write(UNLOCK_CONFIG, { key: 'region', reason: ' ' })).toEqual(noReason)
    expect(await session.one('{ config(key: "region") { value isMutable version } }')).toEqual({
      value: 'eu',
      isMutable: false,
      version: 1,
    })

    const unlocked = { configEntry: { isMutable: true, version: 2 }, userErrors: [] }
    expect(await session.write(UNLOCK_CONFIG, { key: 'region', reason: 'we move' })).toEqual(unlocked)
    revision += 1
    const moved = { ...blank, key: 'region', value: 'us', version: 3 }
    expect(await session.write(SET_CONFIG, { key: 'region', value: 'us' })).toEqual(accepted({ configEntry: moved }))
  })

  it('list: entries come in the order of their keys, filtered by prefix, by text and by whether they can be changed', async () => {
    for (const key of ['app/c', 'app/a', 'app/b', 'apple', 'app/d']) {
      await session.write(SET_CONFIG, { key, value: key, description: `About ${key.toUpperCase()}`, isMutable: key !== 'app/d' })
      revision += 1
    }
    expect(await keysOf(CONFIGS, {})).toEqual(['app/a', 'app/b', 'app/c', 'app/d', 'apple', 'region', 'ui/theme'])
    expect(await keysOf(CONFIGS, { filter: { prefix: 'app/' } })).toEqual(['app/a', 'app/b', 'app/c', 'app/d'])
    expect(await keysOf(CONFIGS, { filter: { search: 'aBouT app/' } })).toEqual(['app/a', 'app/b', 'app/c', 'app/d'])
    expect(await keysOf(CONFIGS, { filter: { isMutable: false } })).toEqual(['app/d'])
    expect(await keysOf(CONFIGS, { filter: { prefix: 'app/', isMutable: true, search: 'b' } })).toEqual(['app/a', 'app/b', 'app/c'])
    expect(await keysOf(CONFIGS, { filter: { prefix: 'nothing' } })).toEqual([])
  })

  it('list: all pages together hold everything once, and each says where it stands', async () => {
    const walked = await session.pages(CONFIGS, { first: 3 }, { field: 'key' })
    expect(walked).toEqual([['app/a', 'app/b', 'app/c'], ['app/d', 'apple', 'region'], ['ui/theme']])
    const { nodes, pageInfo, totalCount } = await session.page(CONFIGS, { first: 2, filter: { prefix: 'app/' } })
    expect(nodes).toEqual([{ key: 'app/a' }, { key: 'app/b' }])
    expect(pageInfo).toEqual({ hasNextPage: true, hasPreviousPage: false, endCursor: pageInfo.endCursor })
    expect(totalCount).toBe(4)
    const second = await session.page(CONFIGS, { first: 2, filter: { prefix: 'app/' }, after: pageInfo.endCursor })
    expect(second.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true })
  })

  it('delete: the entry is gone, and one that is made again begins at version 1', async () => {
    expect(await session.write(DELETE_CONFIG, { key: 'apple', expectedVersion: 2 })).toEqual(
      refused('deletedKey', ['STALE_VERSION', 'expectedVersion']),
    )
    expect(await session.write(DELETE_CONFIG, { key: 'apple', expectedVersion: 1 })).toEqual(accepted({ deletedKey: 'apple' }))
    expect(await session.one('{ config(key: "apple") { key } }')).toBeNull()
    const again = { ...blank, key: 'apple', value: 2, version: 1 }
    expect(await session.write(SET_CONFIG, { key: 'apple', value: 2, expectedVersion: 0 })).toEqual(accepted({ configEntry: again }))
  })

  it('valueSchema: every value has to fit, also the one that is there when the schema comes', async () => {
    const valueSchema = {
      type: 'object',
      properties: { max: { type: 'integer', maximum: 5 }, name: { type: 'string' } },
      required: ['max'],
    }
    const limits = { ...blank, key: 'limits', value: { max: 3 }, valueSchema, version: 1 }
    expect(await session.write(SET_CONFIG, { key: 'limits', value: { max: 3 }, valueSchema })).toEqual(accepted({ configEntry: limits }))
    expect(await session.write(SET_CONFIG, { key: 'limits', value: { max: 9, name: 1 } })).toEqual(
      refused('configEntry', ['INVALID', 'value', 'max'], ['INVALID', 'value', 'name']),
    )
    expect(await session.write(SET_CONFIG, { key: 'limits', value: {} })).toEqual(refused('configEntry', ['INVALID', 'value', 'max']))
    expect(await session.write(SET_CONFIG, { key: 'apple', valueSchema: { type: 'string' } })).toEqual(
      refused('configEntry', ['INVALID', 'value']),
    )
    expect(await session.one('{ config(key: "limits") { value version } }')).toEqual({ value: { max: 3 }, version: 1 })
  })

  it('a value that looks like a secret is refused with LOOKS_SECRET, and stands neither in the state nor in the log', async () => {
    const secret = 'postgres://admin:Zq83hfKd02nsX@db.internal/main'
    expect(await session.write(SET_CONFIG, { key: 'db/url', value: { primary: secret } })).toEqual(
      refused('configEntry', ['LOOKS_SECRET', 'value', 'primary']),
    )
    expect(await session.one('{ config(key: "db/url") { key } }')).toBeNull()
    expect(JSON.stringify(await session.ask('{ changes(first: 100) { nodes { before after reason } } }'))).not.toContain('Zq83hfKd02nsX')
  })

  it('every fault of one bad input is reported at once', async () => {
    const input = { key: 'Bad Key!', description: 'x'.repeat(100_000), isMutable: null, valueSchema: { type: 'nope' }, expectedVersion: 7 }
    const fields = ['key', 'description', 'isMutable', 'valueSchema', 'expectedVersion', 'value']
    const { userErrors } = (await session.write(SET_CONFIG, input)) as { userErrors: { field: string[] }[] }
    expect(userErrors.map(({ field }) => field[0]).sort()).toEqual(fields.sort())
  })
})

describe('feature flags', () => {
  const flag = { key: 'checkout.new', group: 'default', description: null, isEnabled: true, version: 1 }

  it('default true for missing: a flag that is not there is on with reason DEFAULT, or what the caller says', async () => {
    const missing = { reason: 'DEFAULT', variant: null, revision }
    expect(await session.one(EVALUATE, { key: flag.key })).toEqual({ ...missing, isEnabled: true })
    expect(await session.one(EVALUATE, { key: flag.key, default: false })).toEqual({ ...missing, isEnabled: false })
    expect(await session.one('{ isFeatureEnabled(key: "checkout.new") }')).toBe(true)
    expect(await session.one('{ isFeatureEnabled(key: "checkout.new", default: false) }')).toBe(false)
    expect(await session.one('{ featureFlag(key: "checkout.new") { key } }')).toBeNull()
  })

  it('create: a new flag is enabled for everybody, in group default, with version 1', async () => {
    expect(await session.write(SET_FLAG, { key: flag.key })).toEqual(accepted({ featureFlag: flag }))
    expect(await session.one('{ featureFlag(key: "checkout.new") { key group description isEnabled version } }')).toEqual(flag)
    expect(await session.one(EVALUATE, { key: flag.key })).toEqual({ isEnabled: true, reason: 'STATIC', variant: null, revision })
  })

  it('enable and disable: the check follows at once', async () => {
    const off = { ...flag, isEnabled: false, version: 2 }
    expect(await session.write(SET_FLAG, { key: flag.key, isEnabled: false })).toEqual(accepted({ featureFlag: off }))
    expect(await session.one(EVALUATE, { key: flag.key })).toEqual({ isEnabled: false, reason: 'DISABLED', variant: null, revision })
    expect(await session.one('{ isFeatureEnabled(key: "checkout.new", default: true) }')).toBe(false)
    const on = { ...flag, version: 3 }
    expect(await session.write(SET_FLAG, { key: flag.key, isEnabled: true })).toEqual(accepted({ featureFlag: on }))
    expect(await session.one('{ isFeatureEnabled(key: "checkout.new", default: false) }')).toBe(true)
  })

  it('update: what is left out stays, and a stale expectedVersion changes nothing', async () => {
    expect(await session.write(SET_FLAG, { key: flag.key, isEnabled: false, expectedVersion: 1 })).toEqual(
      refused('featureFlag', ['STALE_VERSION', 'expectedVersion']),
    )
    const described = { ...flag, description: 'the new checkout', group: 'shop', version: 4 }
    const input = { key: flag.key, description: 'the new checkout', group: 'shop', expectedVersion: 3 }
    expect(await session.write(SET_FLAG, input)).toEqual(accepted({ featureFlag: described }))
  })

  it('group filter: the list shows the flags of one group, or those that are on or off, and pages hold each once', async () => {
    for (const [key, group] of [
      ['a', 'ui'],
      ['c', 'security'],
      ['b', 'ui'],
      ['d', 'ui'],
    ]) {
      await session.write(SET_FLAG, { key, group, isEnabled: key !== 'b' })
      revision += 1
    }
    expect(await keysOf(FLAGS, { filter: { group: 'ui' } })).toEqual(['a', 'b', 'd'])
    expect(await keysOf(FLAGS, { filter: { group: 'ui', isEnabled: false } })).toEqual(['b'])
    expect(await keysOf(FLAGS, { filter: { search: 'CHECKOUT' } })).toEqual(['checkout.new'])
    expect(await keysOf(FLAGS, { filter: { group: 'none' } })).toEqual([])
    expect(await session.pages(FLAGS, { first: 2 }, { field: 'key' })).toEqual([['a', 'b'], ['c', 'checkout.new'], ['d']])
  })

  it('every fault of one bad input is reported at once, and nothing is made', async () => {
    const constraint = { contextField: 'a b', operator: 'NUM_GT', values: ['x'] }
    const input = {
      key: 'BAD',
      group: '',
      strategies: [{ rolloutPercent: 101, constraints: [constraint] }],
      variants: [{ name: '', weight: -1 }],
    }
    const at = ['strategies', '0', 'constraints', '0'] as const
    expect(await session.write(SET_FLAG, input)).toEqual(
      refused(
        'featureFlag',
        ['INVALID', 'key'],
        ['REQUIRED', 'group'],
        ['INVALID', 'strategies', '0', 'rolloutPercent'],
        ['INVALID', ...at, 'contextField'],
        ['INVALID', ...at, 'values', '0'],
        ['REQUIRED', 'variants', '0', 'name'],
        ['INVALID', 'variants', '0', 'weight'],
      ),
    )
    expect(await session.revision()).toBe(revision)
  })

  it('delete: the flag is gone, and callers get their default again', async () => {
    expect(await session.write(DELETE_FLAG, { key: 'b' })).toEqual(accepted({ deletedKey: 'b' }))
    expect(await session.one(EVALUATE, { key: 'b', default: true })).toEqual({
      isEnabled: true,
      reason: 'DEFAULT',
      variant: null,
      revision,
    })
    expect(await session.write(DELETE_FLAG, { key: 'b' })).toEqual(refused('deletedKey', ['NOT_FOUND', 'key']))
  })
})

describe('a restart', () => {
  it('keeps every entry, flag and change, and the key, and makes no second admin', async () => {
    const everything = `{
      configs(first: 100) { nodes { id key value description isMutable valueSchema version createdAt updatedAt } }
      featureFlags(first: 100) { nodes { id key group description isEnabled version createdAt updatedAt } }
      changes(first: 100) { nodes { id before after operation reason actor { id name } correlationId at } totalCount }
      apiClients { nodes { id name keyPreview version } }
      systemStatus { version backendComplete completedAt notes updatedAt revision }
    }`
    const before = await session.ask(everything)
    await rm(session.keyFile)
    expect(await session.stop()).toBe(0)
    await session.start()
    expect(await session.ask(everything)).toEqual(before)
    await expect(session.keyFileMode()).rejects.toThrow('ENOENT')
    expect(await session.write(SET_CONFIG, { key: 'after', value: true })).toMatchObject({ userErrors: [], revision: revision + 1 })
  })
})
