import { AsyncLocalStorage } from 'node:async_hooks'
import {
  defaultFieldResolver,
  type GraphQLField,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getNamedType,
  isIntrospectionType,
  isObjectType,
  isRequiredArgument,
  parse,
} from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readsRows } from '../../src/core/graphql/bounds/rows.js'
import { newId } from '../../src/core/platform/ids.js'
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

/** What the samples do not lead to: objects that are there, and what is asked together with others, which counts for one of them. */
const MORE_QUERIES = [
  '{ change(id: "1.0") { id } }',
  '{ exportState(atRevision: 0) { revision } }',
  '{ maintenanceState { lastChange { id } } }',
  `{ smokeTestRun(id: "${newId()}") { id } }`,
]

/** Fields that say that they lead to rows, and that no query has ask for them. */
const NOT_ASKING: Readonly<Record<string, string>> = {
  'Query.plan': 'A plan is made on the snapshot; it is let in with what asks for rows as it can be as much work.',
  'Subscription.changes': 'No query leads to it.',
}

/** The object types of a schema, those of its introspection left out. */
function typesOf(schema: GraphQLSchema): { readonly name: string; readonly fields: readonly GraphQLField<unknown, unknown>[] }[] {
  return Object.values(schema.getTypeMap())
    .filter((type) => isObjectType(type) && !isIntrospectionType(type))
    .map((type) => ({ name: type.name, fields: isObjectType(type) ? Object.values(type.getFields()) : [] }))
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
  for (const field of typesOf(schema).flatMap(({ fields }) => fields)) {
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
    const ask = async (query: string): Promise<void> => {
      const { status, errors = [] } = await server.gql(query)
      expect({ query, status, errors }).toEqual({ query, status: 200, errors: [] })
    }
    for (const { name, sample } of queries) {
      const type = schema.getQueryType()?.getFields()[name]?.type as GraphQLOutputType
      const [inputs = ''] = /^\(.*\)/.exec(sample.slice(sample.indexOf(name) + name.length)) ?? []
      await ask(`{ ${name}${inputs} ${everythingBelow(type)} }`)
    }
    for (const query of MORE_QUERIES) await ask(query)
    expect([...unsaid]).toEqual([])
    const said = typesOf(schema).flatMap(({ name, fields }) =>
      fields.filter(({ extensions }) => readsRows(extensions)).map((field) => `${name}.${field.name}`),
    )
    expect(said.filter((name) => !asked.has(name))).toEqual(Object.keys(NOT_ASKING))
    expect(kinds.kindOf(parse('{ featureFlags { nodes { history { nodes { id } } } } }'))).toBe('rows')
  })
})
