import {
  type GraphQLInputType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredInputField,
} from 'graphql'
import type { Draw } from './draw.js'

/** Ids, cursors and keys that answers have shown stand in a case as marks, since they are not the same from run to run. */
export const mark = (kind: 'id' | 'cursor' | 'key', number: number): string => `@${kind}:${number}@`

const START_MS = Date.parse('2026-01-01T00:00:00.000Z')
const MINUTE_MS = 60_000

const moment = (draw: Draw): string => new Date(START_MS + draw.below(600) * MINUTE_MS).toISOString()
const keyOf = (draw: Draw): string => (draw.chance(92) ? draw.pick(['a', 'b', 'c', 'd/e', 'nope']) : draw.pick(['not a key', '', '*']))
const words = (draw: Draw): string | null => draw.pick(['because', 'an example', draw.text(), '', null])

/** Values that make sense, by the name of the argument or field, before its type is asked. */
const BY_NAME: Readonly<Record<string, (draw: Draw) => unknown>> = {
  key: keyOf,
  id: (draw) => (draw.chance(85) ? mark('id', draw.below(1_000)) : draw.pick(['example', '1.0', '5.0', '9.1', 'UA', ''])),
  clientId: (draw) => mark('id', draw.below(1_000)),
  after: (draw) => (draw.chance(80) ? mark('cursor', draw.below(1_000)) : draw.pick(['x', '', null])),
  first: (draw) => (draw.chance(95) ? draw.pick([1, 2, 5, 20, 0]) : draw.pick([100, 1_000, -1, 1.5])),
  group: (draw) => draw.pick(['default', 'ui']),
  name: (draw) => draw.pick(['example', 'tester', 'one', 'two']),
  reason: words,
  description: words,
  notes: words,
  startsAt: moment,
  endsAt: moment,
  expiresAt: moment,
  unusedSince: moment,
  expectedVersion: (draw) => draw.below(4),
  revision: (draw) => draw.below(80),
  apiKey: (draw) => mark('key', draw.below(1_000)),
  version: (draw) => draw.pick(['1.0.0', '1.1.0', '2.0.0', '2.0.0+build.2', '1']),
  idempotencyKey: (draw) => draw.pick(['once', 'twice', 'thrice']),
  windowSeconds: (draw) => draw.pick([1, 10, 60, 3_600]),
  maxRequests: (draw) => draw.pick([5, 50, 1_000, 100_000]),
  rolloutPercent: (draw) => draw.pick([0, 10, 50, 99.5, 100, 101]),
  weight: (draw) => draw.pick([0, 1, 500]),
  stickiness: (draw) => draw.pick(['userId', 'sessionId', 'random', 'plan']),
  contextField: (draw) => draw.pick(['plan', 'userId', 'country']),
  userId: (draw) => draw.pick(['u-1', 'u-2', 'u-3']),
  values: (draw) => draw.pick([['pro'], ['u-1', 'u-2'], ['1.2.3'], ['5'], []]),
  properties: (draw) => draw.pick([{}, { plan: 'pro' }, { plan: 'free', country: 'is' }, { plan: [] }, null]),
  keys: (draw) => draw.pick([['a'], ['a', 'b', 'nope'], [], null]),
  steps: (draw) => Array.from({ length: 1 + draw.below(3) }, () => ({ setFeatureFlag: { key: keyOf(draw), isEnabled: draw.chance(50) } })),
  checks: () => ['no-such-check'],
  operation: (draw) => draw.pick(['setFeatureFlag', 'featureFlags', 'authenticate']),
  permission: (draw) => draw.pick(['flags:read', 'flags:write', 'nope']),
  value: (draw) => draw.json(),
  valueSchema: (draw) => draw.pick([null, { type: 'string' }, { type: 5 }]),
  // What a smoke test asks goes over the network, and takes as long as it takes.
  guardWithSmokeTest: () => false,
}

const BY_TYPE: Readonly<Record<string, (draw: Draw) => unknown>> = {
  ID: (draw) => mark('id', draw.below(1_000)),
  String: (draw) => draw.pick(['example', 'a', draw.text()]),
  Int: (draw) => draw.below(10),
  Float: (draw) => draw.below(100) / 4,
  Boolean: (draw) => draw.chance(50),
  JSON: (draw) => draw.json(),
  DateTimeISO: moment,
  SemVer: () => '1.0.0',
  URL: () => 'http://127.0.0.1:1',
}

const WRONG: readonly unknown[] = [null, 7, 'wrong', [], {}, { nope: 1 }, true, 1e40, -1]

/** A value of a type, as JSON; seldom a wrong one. */
export function drawValue(draw: Draw, type: GraphQLInputType, name: string): unknown {
  if (draw.below(1_000) < 12) return draw.pick(WRONG)
  if (!isNonNullType(type) && draw.chance(4)) return null
  const bare = getNullableType(type)
  const named = BY_NAME[name]
  if (named && !isInputObjectType(bare)) return named(draw)
  if (isListType(bare)) return Array.from({ length: draw.below(3) }, () => drawValue(draw, bare.ofType, name))
  if (isEnumType(bare)) return draw.pick(bare.getValues()).name
  if (!isInputObjectType(bare)) return BY_TYPE[bare.name]?.(draw) ?? 'example'
  const fields = Object.values(bare.getFields())
  const chosen = bare.isOneOf ? [draw.pick(fields)] : fields.filter((field) => isRequiredInputField(field) || draw.chance(35))
  return Object.fromEntries(chosen.map((field) => [field.name, drawValue(draw, field.type, field.name)]))
}

/** A value as it is written in a document. */
export function literalOf(value: unknown, type: GraphQLInputType | undefined): string {
  const bare = type && getNullableType(type)
  if (Array.isArray(value)) {
    const items = bare && isListType(bare) ? bare.ofType : undefined
    return `[${value.map((item) => literalOf(item, items)).join(', ')}]`
  }
  if (typeof value === 'object' && value !== null) {
    const fields = bare && isInputObjectType(bare) ? bare.getFields() : {}
    const written = Object.entries(value).filter(([name]) => /^[_A-Za-z]\w*$/.test(name))
    return `{ ${written.map(([name, inner]) => `${name}: ${literalOf(inner, fields[name]?.type)}`).join(', ')} }`
  }
  const named = bare && isListType(bare) ? getNullableType(bare.ofType) : bare
  return typeof value === 'string' && named && isEnumType(named) ? value : JSON.stringify(value)
}
