/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json }

/** Keys that could reach an object's prototype in careless code downstream; no stored JSON may hold them. */
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/** What {@link findJsonFaults} checks beyond the rules that always hold. */
export interface JsonLimits {
  /** Largest nesting of arrays and objects; a scalar has depth 0. */
  readonly maxDepth: number
  /** Largest size of the compact UTF-8 text, in bytes. */
  readonly maxBytes: number
}

/** A place in a JSON value, as path segments, and what is wrong there. */
export interface JsonFault {
  readonly path: readonly string[]
  readonly message: string
  /** What lies below was not looked at. */
  readonly isTooDeep?: boolean
}

/**
 * JSON text with the keys of every object sorted by UTF-16 code units and no white space, so that equal values have
 * equal text (the serialization of RFC 8785, of which JSON.stringify already does numbers and strings).
 */
export function canonicalJson(value: unknown): string {
  if (value === undefined) return 'null'
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (value instanceof Date) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const object = value as Record<string, unknown>
  const members: string[] = []
  for (const key of Object.keys(object).sort()) {
    if (object[key] !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(object[key])}`)
  }
  return `{${members.join(',')}}`
}

/** The same value with the members of every object in the order of {@link canonicalJson}; names of whole numbers come first, as in any object. */
export function sortedJson(value: Json): Json {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(sortedJson)
  const object = value as JsonObject
  const names = Object.keys(object).sort()
  return Object.fromEntries(names.map((name) => [name, sortedJson(object[name] as Json)]))
}

/** {@link canonicalJson} in pieces: the items of the lists in `value` and its members, each at most, as one. */
export function* canonicalPieces(value: unknown, levels = 2): Generator<string> {
  if (levels === 0 || value === null || typeof value !== 'object' || value instanceof Date) yield canonicalJson(value)
  else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      yield index === 0 ? '[' : ','
      yield* canonicalPieces(item, levels - 1)
    }
    yield value.length === 0 ? '[]' : ']'
  } else {
    const object = value as Record<string, unknown>
    const names = Object.keys(object).filter((name) => object[name] !== undefined)
    for (const [index, name] of names.sort().entries()) {
      yield `${index === 0 ? '{' : ','}${JSON.stringify(name)}:`
      yield* canonicalPieces(object[name], levels - 1)
    }
    yield names.length === 0 ? '{}' : '}'
  }
}

/** Whether two values have the same JSON, whatever the order of their keys. */
export function isSameJson(a: unknown, b: unknown): boolean {
  return a === b || canonicalJson(a) === canonicalJson(b)
}

/**
 * The first reason why a text cannot be stored, or undefined: PostgreSQL's text holds no U+0000, and a lone surrogate
 * is not Unicode text.
 */
export function findTextFault(text: string): string | undefined {
  if (text.includes('\u0000')) return 'must not hold the character U+0000'
  if (!text.isWellFormed()) return 'must be well-formed Unicode (it holds half of a surrogate pair)'
  return undefined
}

/** Every fault of a JSON value against `limits`; an empty list means that it can be stored. */
export function findJsonFaults(value: unknown, { maxDepth, maxBytes }: JsonLimits): JsonFault[] {
  const faults = findStructureFaults(value, maxDepth)
  return faults.length > 0 ? faults : findSizeFaults(jsonBytes(value), maxBytes)
}

/** Every fault of a JSON value but its size. `path` is where it stands in a larger one. */
export function findStructureFaults(value: unknown, maxDepth: number, path: readonly string[] = []): JsonFault[] {
  return [...faultsOf(value, path, maxDepth)]
}

/** Size of a value's compact JSON, in bytes of UTF-8. */
export function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? '')
}

/** The fault of a JSON value of so many bytes, if there may be no more than `maxBytes`. */
export function findSizeFaults(bytes: number, maxBytes: number): JsonFault[] {
  return bytes > maxBytes ? [{ path: [], message: `must be at most ${maxBytes} bytes of JSON, has ${bytes}` }] : []
}

/** Depth first; stops going down where the allowance ends, so that its own recursion is bounded by it. */
function* faultsOf(value: unknown, path: readonly string[], depthLeft: number): Generator<JsonFault> {
  // In the input of a command, what was left out is undefined and times are dates already.
  if (value === null || value === undefined || typeof value === 'boolean' || value instanceof Date) return
  if (typeof value === 'string') {
    const message = findTextFault(value)
    if (message) yield { path, message }
  } else if (typeof value === 'number') {
    if (!Number.isFinite(value)) yield { path, message: 'must be a finite number' }
  } else if (typeof value !== 'object') yield { path, message: 'must be JSON' }
  else if (depthLeft <= 0) yield { path, message: 'is nested too deeply', isTooDeep: true }
  else {
    for (const [key, member] of Object.entries(value)) {
      const message = Array.isArray(value) ? undefined : FORBIDDEN_KEYS.has(key) ? 'is not an allowed key' : findTextFault(key)
      if (message) yield { path: [...path, key], message }
      else yield* faultsOf(member, [...path, key], depthLeft - 1)
    }
  }
}
