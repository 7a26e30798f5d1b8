import type { Json, JsonFault, JsonObject } from '../../../core/values/json.js'
import { findPatternFault } from './linear-regex.js'
import { FORMAT_NAMES } from './schema-formats.js'

/**
 * The keywords of JSON Schema 2020-12 that are understood, by what their value must be; `schema`, `schemas`, `schemaMap`
 * and `patternMap` are where further schemas stand.
 */
const KEYWORDS = {
  any: 'default const contentSchema',
  array: 'examples',
  boolean: 'deprecated readOnly writeOnly uniqueItems',
  count: 'maxLength minLength minContains maxContains maxItems minItems maxProperties minProperties',
  enum: 'enum',
  format: 'format',
  names: 'required',
  namesMap: 'dependentRequired',
  number: 'maximum exclusiveMaximum minimum exclusiveMinimum',
  pattern: 'pattern',
  patternMap: 'patternProperties',
  positive: 'multipleOf',
  ref: '$ref',
  schema: 'items contains additionalProperties propertyNames unevaluatedItems unevaluatedProperties not if then else',
  schemaMap: '$defs definitions properties dependentSchemas',
  schemas: 'prefixItems allOf anyOf oneOf',
  string: '$comment title description contentEncoding contentMediaType',
  type: 'type',
} as const

type Shape = keyof typeof KEYWORDS

const SHAPES: ReadonlyMap<string, Shape> = new Map(
  (Object.keys(KEYWORDS) as Shape[]).flatMap((shape) => KEYWORDS[shape].split(' ').map((keyword) => [keyword, shape] as const)),
)

/** Keywords that only describe: checked, then left out of what is compiled. */
const ANNOTATIONS: ReadonlySet<string> = new Set(
  '$schema $id $comment title description default examples deprecated readOnly writeOnly contentEncoding contentMediaType contentSchema'.split(
    ' ',
  ),
)

const TYPES: ReadonlySet<Json> = new Set(['null', 'boolean', 'object', 'array', 'number', 'integer', 'string'])

/** What to write instead of keywords that are common elsewhere. */
const INSTEAD: Readonly<Record<string, string>> = {
  $anchor: "a $ref to '#/$defs/...'",
  $dynamicAnchor: "a $ref to '#/$defs/...'",
  $dynamicRef: "a $ref to '#/$defs/...'",
  $recursiveAnchor: "a $ref to '#/$defs/...'",
  $recursiveRef: "a $ref to '#/$defs/...'",
  additionalItems: 'prefixItems and items',
  dependencies: 'dependentRequired or dependentSchemas',
  id: '$defs and $ref',
  nullable: 'a type list with "null"',
}

/** The only dialect, with and without the empty fragment. */
const DIALECTS: ReadonlySet<Json | undefined> = new Set([
  'https://json-schema.org/draft/2020-12/schema',
  'https://json-schema.org/draft/2020-12/schema#',
])

/** The most schemas that one schema may be made of: compiling 500 takes about 0.1 s. */
const MAX_SUBSCHEMAS = 500
/** The most patterns of a schema. */
const MAX_PATTERNS = 50

/** The keyword under which {@link Examination.metered} holds what evaluating a schema once costs. */
export const COST_KEYWORD = 'x-valhalla-cost'

/** A schema, examined. */
export interface Examination {
  readonly faults: readonly JsonFault[]
  /**
   * The schema without annotations, each of its objects with its cost under {@link COST_KEYWORD}, in about the number of
   * comparisons that its own keywords take. To be compiled only when there are no faults.
   */
  readonly metered: Json
}

/** What is gathered on the way down. */
interface Walk {
  readonly faults: JsonFault[]
  /** Where schemas stand, as JSON pointers. */
  readonly pointers: Set<string>
  readonly refs: { readonly target: string; readonly path: readonly string[] }[]
  patterns: number
}

/**
 * Checks that a value is a schema of JSON Schema 2020-12 that this system can use safely. Beyond the standard's own
 * rules: keywords that nobody knows are refused (a misspelt one would check nothing), but for `x-...`; `$ref` leads to a
 * schema inside the same schema; `$id` and `$schema` stand at the top only (the first is ignored, the second must name
 * 2020-12); no anchors and no dynamic references; formats are checked and must be known ones; patterns must be
 * ones that RE2 can match.
 */
export function examineSchema(schema: Json): Examination {
  const walk: Walk = { faults: [], pointers: new Set(), refs: [], patterns: 0 }
  const metered = examine(schema, [], walk)
  for (const { target, path } of walk.refs) {
    if (!walk.pointers.has(target)) walk.faults.push({ path, message: 'must lead to a schema inside this schema' })
  }
  if (walk.pointers.size > MAX_SUBSCHEMAS) {
    walk.faults.push({ path: [], message: `must be made of at most ${MAX_SUBSCHEMAS} schemas, has ${walk.pointers.size}` })
  }
  if (walk.patterns > MAX_PATTERNS) {
    walk.faults.push({ path: [], message: `must have at most ${MAX_PATTERNS} patterns, has ${walk.patterns}` })
  }
  return { faults: walk.faults, metered }
}

/** Checks one schema and everything below it; returns its metered form. */
function examine(schema: Json, path: readonly string[], walk: Walk): Json {
  walk.pointers.add(pointerOf(path))
  if (typeof schema === 'boolean') return schema
  if (!isObject(schema)) {
    walk.faults.push({ path, message: 'must be a schema: an object, true or false' })
    return true
  }
  const metered: Record<string, Json> = { [COST_KEYWORD]: costOf(schema) }
  for (const [keyword, value] of Object.entries(schema)) {
    const checked = examineKeyword(keyword, value, { path, walk })
    if (!ANNOTATIONS.has(keyword) && !keyword.startsWith('x-')) metered[keyword] = checked
  }
  return metered
}

function examineKeyword(keyword: string, value: Json, { path, walk }: { path: readonly string[]; walk: Walk }): Json {
  const at = [...path, keyword]
  const shape = SHAPES.get(keyword)
  if (shape !== undefined) return examineShape(shape, value, { path: at, walk })
  const fault = keyword.startsWith('x-') ? undefined : keywordFault(keyword, value, path.length === 0)
  if (fault !== undefined) walk.faults.push({ path: at, message: fault })
  return value
}

/** Why a keyword that has no shape cannot stand here. */
function keywordFault(keyword: string, value: Json, isTop: boolean): string | undefined {
  if (keyword === '$schema') {
    return isTop && DIALECTS.has(value) ? undefined : 'must stand at the top and be https://json-schema.org/draft/2020-12/schema'
  }
  if (keyword === '$id') return isTop && typeof value === 'string' ? undefined : 'must stand at the top and be a string'
  const instead = Object.hasOwn(INSTEAD, keyword) ? INSTEAD[keyword] : undefined
  return instead === undefined ? 'is not a keyword of JSON Schema 2020-12' : `is not supported here; use ${instead}`
}

/** Checks a keyword's value; what holds schemas comes back metered, a `$ref` in one way of writing. */
function examineShape(shape: Shape, value: Json, { path, walk }: { path: readonly string[]; walk: Walk }): Json {
  const below = (item: Json, segment: string): Json => examine(item, [...path, segment], walk)
  if (shape === 'schema') return examine(value, path, walk)
  if (shape === 'schemas' && Array.isArray(value) && value.length > 0) {
    return (value as readonly Json[]).map((item, index) => below(item, String(index)))
  }
  if ((shape === 'schemaMap' || shape === 'patternMap') && isObject(value)) {
    if (shape === 'patternMap') for (const pattern of Object.keys(value)) checkPattern(pattern, [...path, pattern], walk)
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, below(item, name)]))
  }
  if (shape === 'ref' && typeof value === 'string') {
    const target = targetOf(value)
    if (target === undefined)
      walk.faults.push({ path, message: "must be '#' or start with '#/': only this schema itself can be referred to" })
    else walk.refs.push({ target, path })
    return target === undefined ? value : `#${target.split('/').map(encodeURIComponent).join('/')}`
  }
  if (shape === 'pattern' && typeof value === 'string') {
    checkPattern(value, path, walk)
    return value
  }
  const fault = plainFault(shape, value)
  if (fault !== undefined) walk.faults.push({ path, message: fault })
  return value
}

function checkPattern(pattern: string, path: readonly string[], walk: Walk): void {
  walk.patterns += 1
  const fault = walk.patterns > MAX_PATTERNS ? undefined : findPatternFault(pattern)
  if (fault !== undefined) walk.faults.push({ path, message: fault })
}

/** Why a value does not have a shape in which no schemas stand. */
function plainFault(shape: Shape, value: Json): string | undefined {
  switch (shape) {
    case 'any':
      return undefined
    case 'array':
      return Array.isArray(value) ? undefined : 'must be an array'
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'must be true or false'
    case 'count':
      return Number.isSafeInteger(value) && Number(value) >= 0 ? undefined : 'must be a whole number from 0'
    case 'enum':
      return Array.isArray(value) && value.length > 0 ? undefined : 'must be an array of at least one value'
    case 'format':
      return FORMAT_NAMES.some((name) => name === value) ? undefined : `must be one of ${FORMAT_NAMES.join(', ')}`
    case 'names':
      return areNames(value) ? undefined : 'must be an array of different strings'
    case 'namesMap':
      return isObject(value) && Object.values(value).every(areNames) ? undefined : 'must be an object of arrays of different strings'
    case 'number':
      return typeof value === 'number' ? undefined : 'must be a number'
    case 'positive':
      return typeof value === 'number' && value > 0 ? undefined : 'must be a number above 0'
    case 'pattern':
    case 'string':
      return typeof value === 'string' ? undefined : 'must be a string'
    case 'ref':
      return "must be a string that starts with '#'"
    case 'schema':
      return 'must be a schema: an object, true or false'
    case 'schemas':
      return 'must be an array of at least one schema'
    case 'schemaMap':
    case 'patternMap':
      return 'must be an object of schemas'
    case 'type':
      return isType(value) ? undefined : `must be one or a list of ${[...TYPES].join(', ')}`
    default:
      return shape satisfies never
  }
}

function areNames(value: Json): boolean {
  return Array.isArray(value) && value.every((name) => typeof name === 'string') && new Set(value).size === value.length
}

function isType(value: Json): boolean {
  if (!Array.isArray(value)) return TYPES.has(value)
  return value.length > 0 && value.every((name: Json) => TYPES.has(name)) && new Set(value).size === value.length
}

function isObject(value: Json): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

/** One for the schema itself, one for each keyword and each member of a keyword's value, all of `enum` and `const`. */
function costOf(schema: JsonObject): number {
  let cost = 1
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === 'enum' || keyword === 'const') cost += nodesOf(value)
    else if (!ANNOTATIONS.has(keyword)) cost += 1 + (value !== null && typeof value === 'object' ? Object.keys(value).length : 0)
  }
  return cost
}

function nodesOf(value: Json): number {
  if (value === null || typeof value !== 'object') return 1
  return Object.values(value).reduce((sum: number, item: Json) => sum + nodesOf(item), 1)
}

/** A JSON pointer (RFC 6901), not percent-encoded. */
function pointerOf(path: readonly string[]): string {
  return path.map((segment) => `/${segment.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** The JSON pointer that a local reference holds as its fragment (RFC 6901, section 6). */
function targetOf(ref: string): string | undefined {
  if (ref !== '#' && !ref.startsWith('#/')) return undefined
  try {
    return decodeURIComponent(ref.slice(1))
  } catch {
    return undefined
  }
}
