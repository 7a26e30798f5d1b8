import type { GraphQLFormattedError } from 'graphql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasAtLeast, type Role } from '../../src/core/contract/caller.js'
import { MAINTENANCE_MODES, type MaintenanceModeName } from '../../src/core/contract/operation.js'
import { type Demand, POLICIES } from '../contract/policies.js'
import { startTestServer, type TestServer } from '../testkit/server.js'
import { firstWordOf } from '../testkit/sockets.js'

/** Someone who calls, or tries to. `role` is null for a key that does not work. */
interface Someone {
  readonly name: string
  readonly key: string | null
  readonly role: Role | null
  readonly isWatcher: boolean
}

interface Entry {
  readonly kind: string
  readonly name: string
  readonly sample: string
}

let server: TestServer
let callers: readonly Someone[]
let operations: readonly Entry[]

beforeAll(async () => {
  server = await startTestServer({ VALHALLA_AUTH_FAILURES_PER_MINUTE: '0' })
  const add = async (role: Role, name: string = role, changes: object = {}) => ({
    name,
    role,
    isWatcher: hasAtLeast(role, 'OPERATOR'),
    ...(await server.addClient({ role, name, ...changes })),
  })
  const roles = await Promise.all((['EVALUATOR', 'OBSERVER', 'OPERATOR', 'ADMIN'] as const).map((role) => add(role)))
  const dashboard = { ...(await add('OBSERVER', 'dashboard', { clientType: 'HEIMDALL' })), isWatcher: true }
  const deactivated = await add('ADMIN', 'deactivated')
  const rotated = await add('ADMIN', 'rotated')
  const expired = await add('ADMIN', 'expired', { expiresAt: new Date(Date.now() - 1_000) })
  const answers = await server.gql(
    `mutation ($off: ID!, $turn: ID!) { deactivateApiClient(input: { id: $off }) { userErrors { message } } rotateApiKey(input: { id: $turn }) { userErrors { message } } }`,
    { off: deactivated.client.id, turn: rotated.client.id },
  )
  expect(answers).toMatchObject({ data: { deactivateApiClient: { userErrors: [] }, rotateApiKey: { userErrors: [] } } })
  const refused = [deactivated, rotated, expired].map(({ name, key }) => ({ name, key, role: null, isWatcher: false }))
  callers = [...roles, dashboard, ...refused, { name: 'nobody', key: null, role: null, isWatcher: false }]
  const { data } = await server.gql('{ operations(filter: { includeDeprecated: true }) { kind name sample } }')
  operations = (data as unknown as { operations: Entry[] }).operations.map((entry) => ({ ...entry, kind: entry.kind.toLowerCase() }))
})

afterAll(() => server.close())

/** What a caller has to be told. */
function expected({ role, isWatcher }: Someone, [least, during]: Demand, mode: MaintenanceModeName): string {
  if (role === null) return 'UNAUTHENTICATED'
  if (least !== 'ANY' && !hasAtLeast(role, least)) return 'FORBIDDEN'
  if (during === 'write' && mode !== 'NORMAL') return 'MAINTENANCE'
  if (during === 'read' && mode === 'MAINTENANCE' && !isWatcher) return 'MAINTENANCE'
  return 'ANSWERED'
}

/** Samples that would leave the mode or take long, so that every cell is asked in the mode that it is about. */
function documentOf({ name, sample }: Entry, mode: MaintenanceModeName): string {
  if (name === 'setMaintenanceMode') return `mutation { setMaintenanceMode(input: { mode: ${mode} }) { userErrors { code } } }`
  // What it reverts may demand more than the operation itself.
  if (name === 'revertRevision') return 'mutation { revertRevision(input: { revision: 999999, dryRun: true }) { userErrors { code } } }'
  if (name === 'runSmokeTest') return 'mutation { runSmokeTest(input: { checks: ["no-such-check"] }) { userErrors { code } } }'
  return sample
}

const STATUS: Readonly<Record<string, number>> = { UNAUTHENTICATED: 401, FORBIDDEN: 403, MAINTENANCE: 503 }
const REFUSALS = new Set([
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'MAINTENANCE',
  'INTERNAL_SERVER_ERROR',
  'RATE_LIMITED',
  'GRAPHQL_VALIDATION_FAILED',
  'UNAVAILABLE',
])

async function askHttp(document: string, { key }: Someone): Promise<string> {
  const { errors, status, headers } = await server.gql(document, {}, { key })
  const code = errors?.map(({ extensions }) => String(extensions?.['code'])).find((found) => REFUSALS.has(found)) ?? 'ANSWERED'
  if (code === 'UNAUTHENTICATED' && !headers.get('www-authenticate')) return `${code} without WWW-Authenticate`
  // A non-null root field that is refused leaves no data; then the HTTP status says so too.
  return code in STATUS && status !== STATUS[code] ? `${code} with status ${status}` : code
}

async function askSocket(document: string, { key }: Someone): Promise<string> {
  const word = await firstWordOf(server.url, document, key === null ? {} : { apiKey: key })
  if (word && 'code' in word) return word.code === 4401 ? 'UNAUTHENTICATED' : `closed with ${word.code}`
  const said = word?.payload as { errors?: GraphQLFormattedError[] } | GraphQLFormattedError[] | undefined
  const errors = Array.isArray(said) ? said : said?.errors
  const code = String(errors?.[0]?.extensions?.['code'])
  // A source that has nothing to tell yet has let the caller in.
  return REFUSALS.has(code) ? code : 'ANSWERED'
}

describe('the matrix of every root field, every caller and every mode', () => {
  it('has a row for every root field, and none too many', () => {
    expect(operations.map(({ kind, name }) => `${kind} ${name}`).sort()).toEqual(Object.keys(POLICIES).sort())
  })

  it('is what the server does, over real HTTP and WebSockets', async () => {
    const faults: string[] = []
    let cells = 0
    for (const mode of MAINTENANCE_MODES) {
      await server.gql(`mutation { setMaintenanceMode(input: { mode: ${mode} }) { userErrors { code } } }`)
      for (const operation of operations) {
        const ask = operation.kind === 'subscription' ? askSocket : askHttp
        const cellsOfRow = callers.map(async (caller) => {
          const wanted = expected(caller, POLICIES[`${operation.kind} ${operation.name}`] as Demand, mode)
          const told = await ask(documentOf(operation, mode), caller)
          cells += 1
          if (told !== wanted)
            faults.push(`${mode}: ${operation.kind} ${operation.name} as ${caller.name}: told ${told}, expected ${wanted}`)
        })
        await Promise.all(cellsOfRow)
      }
    }
    console.log(`matrix: ${cells} cells = ${operations.length} root fields x ${callers.length} callers x ${MAINTENANCE_MODES.length} modes`)
    expect(faults).toEqual([])
    expect(cells).toBe(operations.length * callers.length * MAINTENANCE_MODES.length)
  })
})
