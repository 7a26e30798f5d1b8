import { createHash } from 'node:crypto'
import { Ajv2020, type ErrorObject, str, type ValidateFunction } from 'ajv/dist/2020.js'
import { type UserErrorData, userError } from '../../../core/contract/errors.js'
import { canonicalJson, findJsonFaults, type Json, type JsonFault } from '../../../core/values/json.js'
import { VALUE_LIMITS } from '../config-value.js'
import { compileLinearRegex } from './linear-regex.js'
import { isMultipleOf } from './multiple-of.js'
import { FORMAT_NAMES, hasFormat, LONGEST_FORMATTED } from './schema-formats.js'
import { COST_KEYWORD, examineSchema } from './schema-keywords.js'

/**
 * How much work checking one value may take, in about the comparisons made. Without references the work is bounded by
 * the sizes of schema and value; with them it can double at each step (`allOf` of two references to an `allOf` of two
 * references ...), hence a meter. Used up, it took 10 to 200 ms on the machine it was measured on.
 */
const WORK_LIMIT = 250_000
/** Characters of a string that count as one step where it is only read through. */
const CHARACTERS_A_STEP = 32
/** Instructions of RE2 times characters that count as one step. */
const REGEX_WORK_A_STEP = 256
/** What a pattern costs for each character even when it is tiny. */
const REGEX_LEAST_SIZE = 32
/** Squared characters of a text with a format that count as one step: the expressions behind formats backtrack. */
const FORMAT_WORK_A_STEP = 512

/** What dividing two decimals takes at most, in steps; whole numbers take one. */
const DECIMAL_STEPS = 8

/** The most faults that are reported for one value or schema; a last line says that there are more. */
const MAX_FAULTS = 100
/** The most of Ajv's errors that are looked at: several may say the same. */
const MAX_ERRORS = 1_000
/** A message can quote the schema. */
const MAX_MESSAGE_LENGTH = 300

/** The most compiled schemas that are kept, and the most characters of JSON they may stand for. */
const MAX_KEPT = 500
const MAX_KEPT_CHARACTERS = 2 * 1024 * 1024

/** Keywords that leave a summary beside the faults that it sums up. */
const SUMMARIES: ReadonlySet<string> = new Set(['if', 'propertyNames'])

const TOO_MUCH_WORK = 'takes too much work to check against valueSchema; make the schema simpler'

/** Checks a value; holds no state of it afterwards. */
type Checker = (value: Json) => JsonFault[]

/** A schema that was looked at: its faults, or how to check values against it. */
type Compiled = { readonly faults: readonly JsonFault[] } | { readonly check: Checker; readonly faults?: never }

interface Kept {
  readonly compiled: Compiled
  readonly characters: number
}

/** Compiled schemas by the digest of their canonical JSON, the least recently used first. */
const kept = new Map<string, Kept>()
let keptCharacters = 0

/** Thrown by a check whose work is used up. */
class WorkUsedUp extends Error {}

/**
 * Every reason why a schema cannot be used: `INVALID`, with `valueSchema` and the path inside it as the field. A schema
 * is JSON Schema 2020-12 within the limits of a value (64 KiB, depth 32) and those of {@link examineSchema}.
 */
export function validateSchema(schema: Json): UserErrorData[] {
  return toUserErrors('valueSchema', compile(schema).faults ?? [])
}

/**
 * Every way in which a value does not fit a schema: `INVALID`, with `value` and the path inside it as the field. No
 * message quotes the value. A schema that is faulty itself answers as {@link validateSchema} does.
 */
export function validateValue(schema: Json, value: Json): UserErrorData[] {
  const compiled = compile(schema)
  return compiled.faults === undefined ? toUserErrors('value', compiled.check(value)) : toUserErrors('valueSchema', compiled.faults)
}

function toUserErrors(top: string, faults: readonly JsonFault[]): UserErrorData[] {
  const errors = new Map<string, UserErrorData>()
  for (const { path, message } of faults) {
    const field = [top, ...path]
    const clipped = message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH)}…`.toWellFormed() : message
    errors.set(JSON.stringify([field, clipped]), userError('INVALID', field, clipped))
  }
  const all = [...errors.values()]
  if (all.length <= MAX_FAULTS) return all
  return [...all.slice(0, MAX_FAULTS), userError('INVALID', [top], `has more faults than these ${MAX_FAULTS}`)]
}

/** Compiles a schema or finds it among those that are kept. */
function compile(schema: Json): Compiled {
  const jsonFaults = findJsonFaults(schema, VALUE_LIMITS)
  if (jsonFaults.length > 0) return { faults: jsonFaults }
  const text = canonicalJson(schema)
  const key = createHash('sha256').update(text).digest('base64')
  const found = kept.get(key)
  const entry = found ?? { compiled: compileAfresh(schema), characters: text.length }
  kept.delete(key)
  kept.set(key, entry)
  if (!found) keptCharacters += entry.characters
  dropOldest()
  return entry.compiled
}

/** Each schema has an Ajv of its own, so that dropping it here frees all of it. */
function dropOldest(): void {
  for (const [key, { characters }] of kept) {
    if (kept.size <= MAX_KEPT && keptCharacters <= MAX_KEPT_CHARACTERS) return
    kept.delete(key)
    keptCharacters -= characters
  }
}

function compileAfresh(schema: Json): Compiled {
  const { faults, metered } = examineSchema(schema)
  if (faults.length > 0) return { faults }
  const meter = new Meter()
  try {
    // Ajv takes an object or a boolean; the examination found it to be one.
    const validate = meteredAjv(meter).compile(metered as object | boolean)
    return { check: (value) => check(value, validate, meter) }
  } catch {
    return { faults: [{ path: [], message: 'has too many references in a row to be compiled' }] }
  }
}

function check(value: Json, validate: ValidateFunction, meter: Meter): JsonFault[] {
  meter.reset()
  try {
    validate(value)
    const faults = (validate.errors ?? [])
      .slice(0, MAX_ERRORS)
      .filter((error) => !SUMMARIES.has(error.keyword))
      .map(toFault)
    validate.errors = null
    return faults
  } catch (error) {
    // A reference that leads back to itself without going into the value ends in a RangeError: the stack is full.
    if (error instanceof WorkUsedUp || error instanceof RangeError) return [{ path: [], message: TOO_MUCH_WORK }]
    throw error
  }
}

/** Counts the work of one check and ends it when there is too much. */
class Meter {
  private left = WORK_LIMIT

  reset(): void {
    this.left = WORK_LIMIT
  }

  /** @throws WorkUsedUp */
  take(steps: number): void {
    this.left -= steps
    if (this.left < 0) throw new WorkUsedUp()
  }
}

/**
 * An Ajv for one schema whose generated code reports its work. Nothing that could run for long is left unmetered:
 * each schema that is evaluated takes its cost and the size of the value, patterns are RE2's, `uniqueItems` compares
 * canonical JSON (Ajv's own is quadratic), formats have a longest text, references are never inlined (copies could
 * outgrow memory). `multipleOf` is exact (Ajv divides, which leaves a rest at 19.99 / 0.01). Names that every object
 * inherits count as missing (`ownProperties`).
 */
function meteredAjv(meter: Meter): Ajv2020 {
  const ajv = new Ajv2020({
    allErrors: true,
    strict: false,
    meta: false,
    validateSchema: false,
    inlineRefs: false,
    ownProperties: true,
    logger: false,
    code: { optimize: false, regExp: Object.assign((pattern: string) => meteredRegex(pattern, meter), { code: 'compileLinearRegex' }) },
  })
  ajv.addKeyword({
    keyword: COST_KEYWORD,
    before: '$ref',
    errors: false,
    validate: (cost: number, data: unknown) => {
      meter.take(cost + stepsFor(data))
      return true
    },
  })
  ajv.removeKeyword('uniqueItems')
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    error: { message: 'must NOT have duplicate items' },
    validate: (isAsked: boolean, items: readonly unknown[]) => {
      const texts = isAsked ? items.map(canonicalJson) : []
      meter.take(texts.reduce((sum, text) => sum + text.length, 0) / CHARACTERS_A_STEP + texts.length)
      return new Set(texts).size === texts.length
    },
  })
  ajv.removeKeyword('multipleOf')
  ajv.addKeyword({
    keyword: 'multipleOf',
    type: 'number',
    error: { message: ({ schemaCode }) => str`must be multiple of ${schemaCode}` },
    validate: (factor: number, value: number) => {
      meter.take(Number.isSafeInteger(value) && Number.isSafeInteger(factor) ? 1 : DECIMAL_STEPS)
      return isMultipleOf(value, factor)
    },
  })
  for (const name of FORMAT_NAMES) {
    ajv.addFormat(name, {
      type: 'string',
      validate: (text: string) => {
        meter.take(text.length > LONGEST_FORMATTED ? 1 : text.length ** 2 / FORMAT_WORK_A_STEP)
        return hasFormat(name, text)
      },
    })
  }
  return ajv
}

/** What reading through a value's own members or characters takes. */
function stepsFor(data: unknown): number {
  if (typeof data === 'string') return data.length / CHARACTERS_A_STEP
  if (data === null || typeof data !== 'object') return 0
  return Array.isArray(data) ? data.length : Object.keys(data).length
}

/** Ajv keeps one expression for each text that `toString` gives, so that it must tell patterns apart. */
function meteredRegex(pattern: string, meter: Meter): { test(text: string): boolean; toString(): string } {
  const regex = compileLinearRegex(pattern)
  const stepsACharacter = Math.max(regex.size, REGEX_LEAST_SIZE) / REGEX_WORK_A_STEP
  return {
    test: (text) => {
      meter.take(1 + text.length * stepsACharacter)
      return regex.test(text)
    },
    toString: () => `/${pattern}/`,
  }
}

/** The path of the fault, and of the property where it is about one; the message holds words of the schema only. */
function toFault(error: ErrorObject): JsonFault {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'))
  if (error.propertyName !== undefined) path.push(error.propertyName)
  const params: Readonly<Record<string, unknown>> = error.params
  switch (error.keyword) {
    case 'required':
      return { path: [...path, String(params['missingProperty'])], message: 'is required' }
    case 'dependentRequired':
      return { path: [...path, String(params['missingProperty'])], message: `is required beside ${JSON.stringify(params['property'])}` }
    case 'additionalProperties':
      return { path: [...path, String(params['additionalProperty'])], message: 'is not a property that the schema allows' }
    case 'unevaluatedProperties':
      return { path: [...path, String(params['unevaluatedProperty'])], message: 'is not a property that the schema allows' }
    case 'enum':
      return { path, message: `must be one of ${JSON.stringify(params['allowedValues']).slice(1, -1)}` }
    case 'const':
      return { path, message: `must be ${JSON.stringify(params['allowedValue'])}` }
    case 'false schema':
      return { path, message: 'is not allowed by the schema' }
    default:
      return { path, message: error.message ?? 'does not fit the schema' }
  }
}
