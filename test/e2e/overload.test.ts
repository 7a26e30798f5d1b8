import { AsyncLocalStorage } from 'node:async_hooks'
import {
  defaultFieldResolver,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getNamedType,
  isIntrospectionType,
  isObjectType,
  isRequiredArgument,
} from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readsRows } from '../../src/core/graphql/bounds/rows.js'
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
  const { ask } = database
  let letGo: () => void = () => undefined
  const gate = new Promise<void>((resolve) => {
    letGo = resolve
  })
  Object.assign(database, { ask: (...question: Parameters<typeof ask>) => gate.then(() => ask(...question)) })
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
    Object.assign(database, { ask })
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

/** Every field below a type that needs no arguments, each type once on a way. */
function everythingBelow(type: GraphQLOutputType, above: readonly string[] = []): string {
  const named = getNamedType(type)
  if (!isObjectType(named)) return ''
  if (above.includes(named.name)) return '{ __typename }'
  const fields = Object.values(named.getFields()).filter(({ name, args }) => name !== 'edges' && !args.some(isRequiredArgument))
  const parts = fields.map((field) => {
    const page = field.args.some(({ name }) => name === 'first') ? '(first: 2)' : ''
    return `${field.name}${page} ${everythingBelow(field.type, [...above, named.name])}`
  })
  return `{ ${parts.join(' ')} }`
}

/** Has every resolver of the schema, and every question to the database, watched: which fields ask, below none that says so. */
function watchResolvers(schema: GraphQLSchema): { readonly asked: ReadonlySet<string>; readonly unsaid: ReadonlySet<string> } {
  const [asked, unsaid] = [new Set<string>(), new Set<string>()]
  const current = new AsyncLocalStorage<GraphQLResolveInfo>()
  const isSaid = (path: GraphQLResolveInfo['path'] | undefined): boolean => {
    if (!path) return false
    const type = path.typename === undefined ? undefined : schema.getType(path.typename)
    return (isObjectType(type) && readsRows(type.getFields()[path.key]?.extensions)) || isSaid(path.prev)
  }
  for (const type of Object.values(schema.getTypeMap()))
    for (const field of isObjectType(type) && !isIntrospectionType(type) ? Object.values(type.getFields()) : []) {
      const { resolve = defaultFieldResolver } = field
      field.resolve = (...call) => current.run(call[3], () => resolve(...call))
    }
  const { database } = server.services
  const { ask, askPrisma } = database
  const note = (): void => {
    const info = current.getStore()
    if (!info) return
    const name = `${info.parentType.name}.${info.fieldName}`
    asked.add(name)
    if (!isSaid(info.path)) unsaid.add(name)
  }
  Object.assign(database, {
    ask: (...question: Parameters<typeof ask>) => {
      note()
      return ask(...question)
    },
    askPrisma: (question: Parameters<typeof askPrisma>[0]) => {
      note()
      return askPrisma(question)
    },
  })
  return { asked, unsaid }
}

describe('what leads to rows', () => {
  it('says so at each field that asks the database, at any depth', async () => {
    const { schema } = server.services.service.door
    const samples = async (kind: string): Promise<{ name: string; sample: string }[]> =>
      (await server.gql(`{ operations(filter: { kind: ${kind} }) { name sample } }`)).data?.['operations'] ?? []
    // So that there is an object of each kind.
    for (const { name, sample } of await samples('MUTATION')) if (/^(set|schedule|create)/.test(name)) await server.gql(sample)
    for (const mode of ['READ_ONLY', 'NORMAL']) await server.gql(`mutation { setMaintenanceMode(input: { mode: ${mode} }) { revision } }`)
    const queries = await samples('QUERY')
    const kinds = createLoadKinds(schema)
    const { asked, unsaid } = watchResolvers(schema)
    for (const { name, sample } of queries) {
      const type = schema.getQueryType()?.getFields()[name]?.type as GraphQLOutputType
      const [inputs = ''] = /^\(.*\)/.exec(sample.slice(sample.indexOf(name) + name.length)) ?? []
      const { errors } = await server.gql(`{ ${name}${inputs} ${everythingBelow(type)} }`)
      expect(errors?.map(({ extensions }) => extensions?.['code']) ?? []).not.toContain('GRAPHQL_VALIDATION_FAILED')
    }
    expect([...unsaid]).toEqual([])
    // What is asked together is asked on behalf of one of those who ask.
    const names = [...asked].map((name) => name.split('.')[1])
    expect(names).toEqual(expect.arrayContaining(['changes', 'history', 'lastChange', 'snapshots']))
    expect(kinds.kindOf({ query: '{ featureFlags { nodes { history { nodes { id } } } } }' })).toBe('rows')
  })
})
