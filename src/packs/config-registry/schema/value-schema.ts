import { Ajv2020, type ErrorObject, str, type ValidateFunction } from 'ajv/dist/2020.js'
import { fullFormats } from 'ajv-formats/dist/formats.js'
import type { UserErrorData } from '../../../core/contract/errors.js'
import { toUserErrors } from '../../../core/values/faults.js'
import { canonicalJson, findJsonFaults, type Json, type JsonFault } from '../../../core/values/json.js'
import { VALUE_LIMITS } from '../config-value.js'
import { isEcmaPattern } from './linear-regex.js'
import { isMultipleOf } from './multiple-of.js'
import { FORMAT_NAMES, findKeywordFaults, placesOf } from './schema-keywords.js'
import { SchemaTree } from './schema-tree.js'

/** The most of Ajv's errors that are looked at: several may say the same. */
const MAX_ERRORS = 1_000

/** The most compiled schemas that are kept. */
const MAX_KEPT = 100

/** Keywords that leave a summary beside the faults that it sums up. */
const SUMMARIES: ReadonlySet<string> = new Set(['if', 'propertyNames'])

/** A schema that was looked at: its faults, or how to check values against it. */
type Compiled = { readonly faults: readonly JsonFault[] } | { readonly check: (value: Json) => JsonFault[]; readonly faults?: never }

/** Compiled schemas by their canonical JSON, the least recently used first. */
const kept = new Map<string, Compiled>()

/**
 * Every reason why a schema cannot be used: `INVALID`, with `valueSchema` and the path inside it as the field. A schema is JSON
 * Schema 2020-12 within the limits of a value (64 KiB, depth 32), those of {@link findKeywordFaults} and of {@link SchemaTree}.
 */
export function validateSchema(schema: Json): UserErrorData[] {
  return toUserErrors(['valueSchema'], compile(schema).faults ?? [])
}

/**
 * Every way in which a value does not fit a schema: `INVALID`, with `value` and the path inside it as the field. No
 * message quotes the value. A schema that is faulty itself answers as {@link validateSchema} does.
 */
export function validateValue(schema: Json, value: Json): UserErrorData[] {
  const compiled = compile(schema)
  return compiled.faults === undefined ? toUserErrors(['value'], compiled.check(value)) : toUserErrors(['valueSchema'], compiled.faults)
}

/** Compiles a schema or finds it among those that are kept. */
function compile(schema: Json): Compiled {
  const jsonFaults = findJsonFaults(schema, VALUE_LIMITS)
  if (jsonFaults.length > 0) return { faults: jsonFaults }
  const key = canonicalJson(schema)
  const compiled = kept.get(key) ?? compileAfresh(schema)
  kept.delete(key)
  kept.set(key, compiled)
  for (const oldest of kept.keys()) if (kept.size > MAX_KEPT) kept.delete(oldest)
  return compiled
}

function compileAfresh(schema: Json): Compiled {
  const places = placesOf(schema)
  const faults = findKeywordFaults(places)
  if (faults.length > 0) return { faults }
  const tree = new SchemaTree(places)
  if (tree.faults.length > 0) return { faults: tree.faults }
  try {
    // Ajv takes an object or a boolean, and the tree is one.
    const validate = ajvFor(tree).compile(tree.schema as object | boolean)
    return { check: (value) => (tree.isTooMuchFor(value) ? [{ path: [], message: TOO_MUCH_WORK }] : check(value, validate)) }
  } catch {
    return { faults: [{ path: [], message: 'has too many references in a row to be compiled' }] }
  }
}

const TOO_MUCH_WORK = 'takes too much work to check against valueSchema: make the schema simpler or the value smaller'

function check(value: Json, validate: ValidateFunction): JsonFault[] {
  validate(value)
  const errors = (validate.errors ?? []).slice(0, MAX_ERRORS)
  validate.errors = null
  return errors.filter((error) => !SUMMARIES.has(error.keyword)).map(toFault)
}

/**
 * An Ajv for one schema, so that all of it is freed with the schema. Nothing in it takes longer than the tree's steps say:
 * patterns are RE2's, and `uniqueItems` compares canonical JSON (Ajv's own is quadratic). `multipleOf` is exact (Ajv
 * divides, which leaves a rest at 19.99 / 0.01). Names that every object inherits count as missing (`ownProperties`).
 */
function ajvFor({ patterns }: SchemaTree): Ajv2020 {
  const regExp = (pattern: string) => patterns.get(pattern) ?? new RegExp(pattern)
  const ajv = new Ajv2020({
    allErrors: true,
    strict: false,
    meta: false,
    validateSchema: false,
    ownProperties: true,
    loopRequired: 0,
    loopEnum: 0,
    logger: false,
    code: { optimize: false, regExp: Object.assign(regExp, { code: 'regExp' }) },
  })
  ajv.removeKeyword('uniqueItems')
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    error: { message: 'must NOT have duplicate items' },
    validate: (isAsked: boolean, items: readonly unknown[]) => !isAsked || new Set(items.map(canonicalJson)).size === items.length,
  })
  ajv.removeKeyword('multipleOf')
  ajv.addKeyword({
    keyword: 'multipleOf',
    type: 'number',
    error: { message: ({ schemaCode }) => str`must be multiple of ${schemaCode}` },
    validate: (factor: number, value: number) => isMultipleOf(value, factor),
  })
  for (const name of FORMAT_NAMES) ajv.addFormat(name, name === 'regex' ? isEcmaPattern : fullFormats[name])
  return ajv
}

/** The path of the fault, down to the property that it is about; the message holds words of the schema only. */
function toFault({ keyword, instancePath, params, propertyName, message = 'does not fit the schema' }: ErrorObject): JsonFault {
  const { missingProperty, additionalProperty, unevaluatedProperty, property, allowedValues, allowedValue } = params
  const path = instancePath.split('/').slice(1)
  const name: unknown = missingProperty ?? additionalProperty ?? unevaluatedProperty ?? propertyName
  const messages: Readonly<Record<string, string>> = {
    required: 'is required',
    dependentRequired: `is required beside ${JSON.stringify(property)}`,
    additionalProperties: 'is not a property that the schema allows',
    unevaluatedProperties: 'is not a property that the schema allows',
    enum: `must be one of ${JSON.stringify(allowedValues)?.slice(1, -1)}`,
    const: `must be ${JSON.stringify(allowedValue)}`,
    'false schema': 'is not allowed by the schema',
  }
  return {
    path: [...path.map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~')), ...(name === undefined ? [] : [String(name)])],
    message: messages[keyword] ?? message,
  }
}
