import type { GraphQLSchema } from 'graphql'
import { type AnyDocument, type DocumentKind, variablesFor, writeDocument } from './documents.js'
import { type Draw, drawn } from './draw.js'
import type { Request } from './lockstep.js'
import type { Caller } from './servers.js'
import { mark } from './values.js'

/** So many of each in a hundred. */
const KINDS = { known: 42, fresh: 22, sample: 5, mutation: 11, change: 9, http: 7, role: 2, burst: 2 } as const
export type CaseKind = keyof typeof KINDS

/** Documents that are asked again and again, in whatever state the servers are in. */
const KNOWN = 150

/** One step: how much time has passed before it, and what is sent. */
export interface Case {
  readonly kind: CaseKind
  readonly passedMs: number
  readonly request: Request
  /** How often it is sent. */
  readonly times: number
  /** A client whose role, expiry or key changes first, straight in the state. */
  readonly turned?: { readonly caller: Caller; readonly to: 'EVALUATOR' | 'OBSERVER' | 'ADMIN' | 'expired' | 'renewed' }
}

/** What cases are made of. */
export interface Material {
  readonly seed: number
  readonly schema: GraphQLSchema
  readonly samples: readonly { readonly text: string; readonly kind: DocumentKind }[]
  readonly callers: readonly Caller[]
}

const MEDIA = [
  'application/json',
  'application/graphql-response+json',
  'application/graphql-response+json;q=0.5, application/json;q=0.9',
  '*/*',
  'text/csv',
]

const CHANGES = {
  mode: 'mutation ($i: SetMaintenanceModeInput!) { setMaintenanceMode(input: $i) { maintenanceState { mode } userErrors { code message } revision } }',
  rule: 'mutation ($i: SetRateLimitRuleInput!) { setRateLimitRule(input: $i) { rateLimitRule { id } userErrors { code message } revision } }',
  unrule: 'mutation ($i: DeleteRateLimitRuleInput!) { deleteRateLimitRule(input: $i) { userErrors { code message } revision } }',
  rotate: 'mutation ($i: RotateApiKeyInput!) { rotateApiKey(input: $i) { apiKey userErrors { code message } revision } }',
  off: 'mutation ($i: DeactivateApiClientInput!) { deactivateApiClient(input: $i) { userErrors { code message } revision } }',
  on: 'mutation ($i: ActivateApiClientInput!) { activateApiClient(input: $i) { userErrors { code message } revision } }',
  flag: 'mutation ($i: SetFeatureFlagInput!) { setFeatureFlag(input: $i) { featureFlag { id version } userErrors { code message } revision } }',
  config: 'mutation ($i: SetConfigInput!) { setConfig(input: $i) { configEntry { version } userErrors { code message } revision } }',
} as const

/** The case of a number. */
export function caseOf(material: Material, number: number): Case {
  return drawn({ seed: material.seed, number }, (draw) => {
    const kind = draw.weighed(KINDS)
    const passedMs = draw.chance(60) ? draw.below(400) : draw.below(4_000)
    const known = draw.below(KNOWN)
    const made = { kind, passedMs, ...plainCase(draw, material, { kind, known }) }
    if (kind !== 'role') return made
    const caller = draw.pick(material.callers.slice(-2))
    return { ...made, turned: { caller, to: draw.pick(['EVALUATOR', 'OBSERVER', 'ADMIN', 'expired', 'renewed'] as const) } }
  })
}

function plainCase(
  draw: Draw,
  material: Material,
  { kind, known }: { readonly kind: CaseKind; readonly known: number },
): Pick<Case, 'request' | 'times'> {
  switch (kind) {
    case 'known':
    case 'role':
      return { request: requestOf(draw, material, knownDocument(material, known)), times: 1 }
    case 'burst':
      return { request: requestOf(draw, material, knownDocument(material, known)), times: 8 }
    case 'fresh':
      return {
        request: requestOf(draw, material, writeDocument(draw, material.schema, draw.chance(97) ? 'query' : 'subscription')),
        times: 3,
      }
    case 'sample': {
      const sample = draw.pick(material.samples)
      const document = { text: sample.text, variables: [], names: [], isSubscription: sample.kind === 'subscription' }
      return { request: requestOf(draw, material, document), times: 3 }
    }
    case 'mutation':
      return { request: requestOf(draw, material, writeDocument(draw, material.schema, 'mutation')), times: 2 }
    case 'change':
      return { request: changeRequest(draw, material), times: 1 }
    case 'http':
      return { request: oddRequest(draw, requestOf(draw, material, knownDocument(material, known))), times: 2 }
    default:
      return kind satisfies never
  }
}

function knownDocument({ seed, schema }: Material, known: number): AnyDocument {
  return drawn({ seed, number: -2 - known }, (draw) => writeDocument(draw, schema, 'query'))
}

function requestOf(draw: Draw, { callers }: Material, document: AnyDocument): Request {
  const { text, names, isSubscription } = document
  const variables = variablesFor(draw, document)
  const name = names.length > 0 && draw.chance(95) ? draw.pick(names) : draw.chance(96) ? undefined : draw.pick([null, '', 'C'])
  const body = { query: text, ...(variables && { variables }), ...(name === undefined ? {} : { operationName: name }) }
  const user = draw.chance(20) ? { 'x-valhalla-user': draw.pick(['u-1', 'u-2']) } : undefined
  return {
    method: 'POST',
    path: '/graphql',
    headers: { 'content-type': 'application/json', ...user },
    key: keyOf(draw, callers),
    body: JSON.stringify(body),
    isForSockets: !isSubscription && typeof name !== 'object',
  }
}

function keyOf(draw: Draw, callers: readonly Caller[]): string | null {
  if (draw.chance(2)) return null
  // The first may do everything.
  return draw.chance(90) ? (callers[Math.max(0, draw.below(callers.length + 4) - 4)] as Caller).key : mark('key', draw.below(1_000))
}

function changeRequest(draw: Draw, { callers }: Material): Request {
  const turned = draw.pick(callers.slice(-2)).record.id
  const scope = draw.pick(['IP', 'API_KEY', 'API_KEY', 'USER', 'GLOBAL'])
  const inputs: Readonly<Record<keyof typeof CHANGES, () => object>> = {
    mode: () => ({ mode: draw.pick(['NORMAL', 'READ_ONLY', 'MAINTENANCE', 'MAINTENANCE']), reason: draw.text() }),
    rule: () => ({
      scope,
      key: scope === 'API_KEY' && draw.chance(60) ? turned : '*',
      windowSeconds: draw.pick([5, 60]),
      maxRequests: draw.pick(scope === 'API_KEY' ? [1, 2, 3, 20] : [8, 40, 100_000]),
      isShadow: draw.chance(15),
    }),
    unrule: () => ({ id: mark('id', draw.below(1_000)) }),
    rotate: () => ({ id: turned, overlapSeconds: draw.pick([0, 0, 5]) }),
    off: () => ({ id: turned }),
    on: () => ({ id: turned }),
    flag: () => ({ key: draw.pick(['a', 'b', 'c']), isEnabled: draw.chance(50), description: draw.text() }),
    config: () => ({ key: draw.pick(['a', 'b']), value: draw.json() }),
  }
  const which = draw.weighed({ mode: 4, rule: 8, unrule: 1, rotate: 2, off: 1, on: 2, flag: 3, config: 2 })
  return {
    method: 'POST',
    path: '/graphql',
    headers: { 'content-type': 'application/json' },
    key: (callers[0] as Caller).key,
    body: JSON.stringify({ query: CHANGES[which], variables: { i: inputs[which]() } }),
    isForSockets: true,
  }
}

/** A request that no WebSocket can send: other methods, media types and bodies. */
function oddRequest(draw: Draw, { body = '{}', headers, ...request }: Request): Request {
  const plain = JSON.parse(body) as Readonly<Record<string, unknown>>
  const changed: Readonly<Record<string, () => Partial<Request>>> = {
    get: () => ({ method: 'GET', path: `/graphql?query=${encodeURIComponent(String(plain['query']))}`, body: undefined }),
    accept: () => ({ headers: { ...headers, accept: draw.pick(MEDIA) } }),
    again: () => ({ headers: { ...headers, accept: draw.pick(MEDIA) } }),
    origin: () => ({ headers: { ...headers, origin: draw.pick(['http://pages.example', 'http://others.example']) } }),
    type: () => ({ headers: { ...headers, 'content-type': draw.pick(['text/plain', 'application/json; charset=latin1']) } }),
    variables: () => ({ body: JSON.stringify({ ...plain, variables: draw.pick([[], 'x', 5, false, null, [1]]) }) }),
    extensions: () => ({ body: JSON.stringify({ ...plain, extensions: draw.pick([{}, { a: 1 }, null, 'x', { persistedQuery: {} }]) }) }),
    name: () => ({ body: JSON.stringify({ ...plain, operationName: draw.pick([5, {}, [], null, false, '']) }) }),
    query: () => ({ body: JSON.stringify({ ...plain, query: draw.pick([5, null, '', [], ' ']) }) }),
    more: () => ({ body: JSON.stringify({ ...plain, id: 1, more: {} }) }),
    none: () => ({ body: draw.pick(['', '[]', '{', 'null', '"x"']) }),
    operation: () => ({ headers: { ...headers, 'x-apollo-operation-name': 'A' } }),
  }
  return { ...request, headers, body, ...changed[draw.pick(Object.keys(changed))]?.(), isForSockets: false }
}
