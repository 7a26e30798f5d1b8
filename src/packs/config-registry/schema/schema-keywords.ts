import type { Json, JsonFault, JsonObject } from '../../../core/values/json.js'
import { findPatternFault } from './linear-regex.js'

/** The formats of JSON Schema 2020-12 that are checked. */
export const FORMAT_NAMES = [
  ...(['date', 'time', 'date-time', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'uuid', 'uri', 'uri-reference'] as const),
  ...(['uri-template', 'json-pointer', 'relative-json-pointer', 'regex'] as const),
]

const TYPES: ReadonlySet<Json> = new Set(['null', 'boolean', 'object', 'array', 'number', 'integer', 'string'])
const DIALECT = 'https://json-schema.org/draft/2020-12/schema'
const LOCAL_REFERENCE = "'#' or start with '#/': only this schema itself can be referred to"

/** The most patterns of a schema. */
const MAX_PATTERNS = 50

/** Keywords whose value is a schema, a list of schemas, or schemas by name. */
const SCHEMA = 'items contains additionalProperties propertyNames unevaluatedItems unevaluatedProperties not if then else'
const SCHEMAS = 'prefixItems allOf anyOf oneOf'
const NAMED_SCHEMAS = '$defs definitions properties patternProperties dependentSchemas'

const isText = (value: Json) => typeof value === 'string'
const isCount = (value: Json) => Number.isSafeInteger(value) && Number(value) >= 0
const isFilled = (value: Json) => Array.isArray(value) && value.length > 0
const areNames = (value: Json) => Array.isArray(value) && value.every(isText) && new Set(value).size === value.length
const areTypes = (value: Json) =>
  TYPES.has(value) || (isFilled(value) && areNames(value) && [value].flat().every((name) => TYPES.has(name)))

/** The keywords of JSON Schema 2020-12 that are understood, what their value must be, and whether one is. */
const RULES: readonly (readonly [keywords: string, wanted: string, isMet: (value: Json) => boolean])[] = [
  ['default const contentSchema', 'JSON', () => true],
  ['examples', 'an array', Array.isArray],
  ['deprecated readOnly writeOnly uniqueItems', 'true or false', (value) => typeof value === 'boolean'],
  ['maxLength minLength minContains maxContains maxItems minItems maxProperties minProperties', 'a whole number from 0', isCount],
  ['enum', 'an array of at least one value', isFilled],
  ['format', `one of ${FORMAT_NAMES.join(', ')}`, (value) => FORMAT_NAMES.some((name) => name === value)],
  ['required', 'an array of different strings', areNames],
  ['dependentRequired', 'an object of arrays of different strings', (value) => isObject(value) && Object.values(value).every(areNames)],
  ['maximum exclusiveMaximum minimum exclusiveMinimum', 'a number', (value) => typeof value === 'number'],
  ['multipleOf', 'a number above 0', (value) => typeof value === 'number' && value > 0],
  ['$comment $id title description contentEncoding contentMediaType pattern', 'a string', isText],
  ['$schema', DIALECT, (value) => value === DIALECT || value === `${DIALECT}#`],
  ['$ref', LOCAL_REFERENCE, (value) => targetOf(value) !== undefined],
  ['type', `one or a list of ${[...TYPES].join(', ')}`, areTypes],
  [SCHEMA, 'a schema', () => true],
  [SCHEMAS, 'an array of at least one schema', isFilled],
  [NAMED_SCHEMAS, 'an object of schemas', (value) => isObject(value)],
]
const RULE_OF = new Map(RULES.flatMap((rule) => rule[0].split(' ').map((keyword) => [keyword, rule])))

/** What to write instead of keywords that are common elsewhere. */
const INSTEAD: ReadonlyMap<string, string> = new Map([
  ...['$anchor', '$dynamicAnchor', '$dynamicRef', '$recursiveAnchor', '$recursiveRef'].map(
    (name) => [name, "a $ref to '#/$defs/...'"] as const,
  ),
  ['additionalItems', 'prefixItems and items'],
  ['dependencies', 'dependentRequired or dependentSchemas'],
  ['id', '$defs and $ref'],
  ['nullable', 'a type list with "null"'],
])

/** A schema inside of a schema, and where it stands. */
export interface SchemaPlace {
  readonly schema: Json
  readonly path: readonly string[]
}

/** All schemas that a schema is made of, itself included, by their JSON pointers. */
export type SchemaPlaces = ReadonlyMap<string, SchemaPlace>

/** Finds every schema inside of one, also where other things are wrong with it. */
export function placesOf(schema: Json): SchemaPlaces {
  const places = new Map<string, SchemaPlace>()
  const open: SchemaPlace[] = [{ schema, path: [] }]
  for (const place of open) {
    places.set(pointerOf(place.path), place)
    for (const [keyword, value] of membersOf(place.schema)) {
      mapSchemas(keyword, value, (item, path) => {
        open.push({ schema: item, path: [...place.path, ...path] })
        return item
      })
    }
  }
  return places
}

/** Puts other schemas in the place of those that the value of a keyword holds; undefined when it is not made of schemas. */
export function mapSchemas(keyword: string, value: Json, map: (schema: Json, path: readonly string[]) => Json): Json | undefined {
  const kind = RULE_OF.get(keyword)?.[0]
  if (kind === SCHEMA) return map(value, [keyword])
  if (kind === SCHEMAS && Array.isArray(value)) return value.map((item: Json, index) => map(item, [keyword, String(index)]))
  if (kind === NAMED_SCHEMAS && isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, map(item, [keyword, name])]))
  }
  return undefined
}

/**
 * Every reason why this system cannot use a schema of JSON Schema 2020-12 safely. Beyond the standard's own rules: keywords
 * that nobody knows are refused (a misspelt one would check nothing), but for `x-...`; `$ref` leads to a schema inside the same
 * schema; `$id` and `$schema` stand at the top only (the first is ignored, the second must name 2020-12); no anchors and no
 * dynamic references; formats are checked and must be known ones; patterns must be ones that RE2 can match, and at most 50.
 */
export function findKeywordFaults(places: SchemaPlaces): JsonFault[] {
  const faults: JsonFault[] = []
  let patterns = 0
  for (const { schema, path } of places.values()) {
    if (!isObject(schema) && typeof schema !== 'boolean') faults.push({ path, message: 'must be a schema: an object, true or false' })
    for (const [keyword, value] of membersOf(schema)) {
      const at = [...path, keyword]
      const message = keywordFault(keyword, value, path.length === 0)
      if (message !== undefined) faults.push({ path: at, message })
      else if (keyword === '$ref' && !places.has(targetOf(value) ?? '')) faults.push({ path: at, message: DANGLING })
      for (const pattern of patternsOf(keyword, value)) {
        patterns += 1
        const fault = patterns > MAX_PATTERNS ? undefined : findPatternFault(pattern)
        if (fault !== undefined) faults.push({ path: keyword === 'pattern' ? at : [...at, pattern], message: fault })
      }
    }
  }
  if (patterns > MAX_PATTERNS) faults.push({ path: [], message: `must have at most ${MAX_PATTERNS} patterns, has ${patterns}` })
  return faults
}

const DANGLING = 'must lead to a schema inside this schema'

/** The patterns that the value of a keyword holds. */
export function patternsOf(keyword: string, value: Json): string[] {
  if (keyword === 'pattern' && typeof value === 'string') return [value]
  return keyword === 'patternProperties' ? membersOf(value).map(([pattern]) => pattern) : []
}

/** Why a keyword with this value cannot stand here. */
function keywordFault(keyword: string, value: Json, isTop: boolean): string | undefined {
  if (keyword.startsWith('x-')) return undefined
  const rule = RULE_OF.get(keyword)
  if (rule === undefined) {
    const instead = INSTEAD.get(keyword)
    return instead === undefined ? 'is not a keyword of JSON Schema 2020-12' : `is not supported here; use ${instead}`
  }
  if (!isTop && (keyword === '$id' || keyword === '$schema')) return 'must stand at the top of the schema'
  const [, wanted, isMet] = rule
  return isMet(value) ? undefined : `must be ${wanted}`
}

/** The JSON pointer that a local reference holds as its fragment (RFC 6901, section 6); undefined for any other value. */
export function targetOf(ref: Json): string | undefined {
  if (typeof ref !== 'string' || (ref !== '#' && !ref.startsWith('#/'))) return undefined
  try {
    return decodeURIComponent(ref.slice(1))
  } catch {
    return undefined
  }
}

/** A JSON pointer (RFC 6901), not percent-encoded. */
export function pointerOf(path: readonly string[]): string {
  return path.map((segment) => `/${segment.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** The members of an object; none of anything else. */
export function membersOf(value: Json): [string, Json][] {
  return isObject(value) ? Object.entries(value) : []
}

function isObject(value: Json): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
