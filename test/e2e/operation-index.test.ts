import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { firstWordOf } from '../testkit/sockets.js'

interface Entry {
  readonly id: string
  readonly name: string
  readonly kind: 'QUERY' | 'MUTATION' | 'SUBSCRIPTION'
  readonly pack: string
  readonly permission: string | null
  readonly callableByMe: boolean
  readonly allowedDuring: string[]
  readonly cost: number
  readonly writes: boolean
  readonly sample: string
  readonly arguments: { name: string; type: string; isRequired: boolean; defaultValue: string | null }[]
}

const FIELDS = 'id name kind pack permission callableByMe allowedDuring cost writes sample arguments { name type isRequired defaultValue }'

let server: TestServer
let operations: readonly Entry[]

beforeAll(async () => {
  server = await startTestServer()
  await server.gql(
    'mutation { setFeatureFlag(input: { key: "example/key" }) { revision } setConfig(input: { key: "example/key", value: 1 }) { revision } }',
  )
  operations = (await list()) as readonly Entry[]
})

afterAll(() => server.close())

async function list(filter = '', key?: string): Promise<Entry[]> {
  const answer = await server.gql(`{ operations${filter} { ${FIELDS} } }`, {}, key ? { key } : {})
  expect(answer.errors).toBe(undefined)
  return (answer.data as unknown as { operations: Entry[] }).operations
}

describe('route index: the operations of the control plane', () => {
  it('are the root fields of the schema, each with its pack, and without introspection', async () => {
    const answer = await server.gql(
      '{ __schema { queryType { fields { name } } mutationType { fields { name } } subscriptionType { fields { name } } } }',
    )
    const { __schema: roots } = answer.data as unknown as { __schema: Record<string, { fields: { name: string }[] }> }
    const names = Object.values(roots).flatMap(({ fields }) => fields.map(({ name }) => name))
    expect(operations.map(({ name }) => name).sort()).toEqual(names.sort())
    expect(operations.filter(({ pack }) => !/^(T[YZ]|U[A-F]|W)$/.test(pack))).toEqual([])
    expect(operations.some(({ name }) => name.startsWith('_'))).toBe(false)
  })

  it('carry the fields that a discoverer needs: permission, modes, cost, arguments with their defaults', () => {
    const byId = new Map(operations.map((entry) => [entry.id, entry]))
    expect(byId.get('MUTATION:setConfig')).toMatchObject({
      pack: 'TZ',
      permission: 'config:write',
      writes: true,
      allowedDuring: ['NORMAL'],
      cost: 1,
      arguments: [{ name: 'input', type: 'SetConfigInput!', isRequired: true, defaultValue: null }],
    })
    expect(byId.get('QUERY:isFeatureEnabled')).toMatchObject({
      permission: 'flags:evaluate',
      allowedDuring: ['NORMAL', 'READ_ONLY', 'MAINTENANCE'],
    })
    expect(byId.get('QUERY:isFeatureEnabled')?.arguments.find(({ name }) => name === 'default')).toMatchObject({
      defaultValue: 'true',
      isRequired: false,
    })
  })

  it('can be filtered by kind, pack, text, and what my key may call', async () => {
    expect((await list('(filter: { kind: SUBSCRIPTION })')).every(({ kind }) => kind === 'SUBSCRIPTION')).toBe(true)
    expect((await list('(filter: { pack: "w" })')).map(({ name }) => name)).toContain('systemSummary')
    expect((await list('(filter: { search: "SETCONFIG" })')).map(({ name }) => name)).toEqual(['setConfig'])
    const { key } = await server.addClient({ role: 'OBSERVER' })
    const callable = await list('(filter: { callableByMe: true })', key)
    expect(callable.some(({ writes }) => writes)).toBe(false)
    expect(callable.map(({ name }) => name)).toContain('configs')
    expect((await list('(filter: { callableByMe: false })', key)).map(({ name }) => name)).toContain('setConfig')
  })

  it('have samples that do on a fresh system what they say, and nothing that anybody would feel', async () => {
    const fresh = await startTestServer()
    const faults: string[] = []
    for (const { id, name, sample } of operations.filter(({ kind }) => kind === 'MUTATION')) {
      const { data, errors } = await fresh.gql(sample)
      const { userErrors = [] } = (data as unknown as Record<string, { userErrors?: { code: string }[] }> | undefined)?.[name] ?? {}
      // An object that a sample needs is not there yet; everything else it has to bring along.
      const bad = userErrors.filter(({ code }) => !['NOT_FOUND', 'INVALID_STATE'].includes(code))
      if (errors || bad.length > 0) faults.push(`${id}: ${JSON.stringify(errors ?? bad)}\n${sample}`)
    }
    expect(faults).toEqual([])
    const { data } = await fresh.gql(
      '{ rateLimitRules { nodes { isShadow } } smokeChecks { isBuiltIn isBlocking } maintenanceState { mode } maintenanceWindows { nodes { startsAt mode } } }',
    )
    const { smokeChecks, ...rest } = data as unknown as { smokeChecks: { isBuiltIn: boolean; isBlocking: boolean }[] }
    expect(smokeChecks.filter(({ isBuiltIn }) => !isBuiltIn)).toEqual([{ isBuiltIn: false, isBlocking: false }])
    expect(rest).toEqual({
      rateLimitRules: { nodes: [{ isShadow: true }] },
      maintenanceState: { mode: 'NORMAL' },
      maintenanceWindows: { nodes: [{ startsAt: '2099-01-01T00:00:00.000Z', mode: 'READ_ONLY' }] },
    })
    await fresh.close()
  })

  it('have samples that run as they stand: no validation error, no internal error', async () => {
    const faults: string[] = []
    // What ends the others' chance to run comes last.
    const order = [...operations].sort((a, b) => Number(a.writes) - Number(b.writes))
    for (const { id, kind, sample } of order) {
      if (kind === 'SUBSCRIPTION') {
        const said = JSON.stringify(await firstWordOf(server.url, sample, { apiKey: server.adminKey })) ?? ''
        if (said.includes('GRAPHQL_') || said.includes('INTERNAL_SERVER_ERROR')) faults.push(`${id}: ${said}\n${sample}`)
        continue
      }
      const { errors } = await server.gql(sample)
      const bad = errors?.filter(({ extensions }) => /^(GRAPHQL_|INTERNAL_|BAD_)/.test(String(extensions?.['code'])))
      if (bad?.length) faults.push(`${id}: ${JSON.stringify(bad)}\n${sample}`)
    }
    expect(faults).toEqual([])
    expect(operations.length).toBeGreaterThan(25)
  })
})
