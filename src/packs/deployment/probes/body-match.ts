import { isSameJson, type Json } from '../../../core/values/json.js'

/** Where an answer is not what was expected: a path in the expected JSON, such as `data.flags[0]`; empty for the whole. */
export interface Mismatch {
  readonly path: string
  /** True when there is nothing at that place. */
  readonly isMissing: boolean
}

/**
 * The first place where `actual` does not hold what `expected` says, or undefined. An object has to have at least the
 * members that are expected, each by this same rule; an array has to be exactly the same, and so has anything else. null is
 * met by null alone, not by a member that is missing. The path names what was expected, so nothing of the answer is in it.
 */
export function findMismatch(expected: Json, actual: unknown, path = ''): Mismatch | undefined {
  if (!isObject(expected)) return isSameJson(expected, actual) ? undefined : { path, isMissing: false }
  if (!isObject(actual)) return { path, isMissing: false }
  for (const [name, member] of Object.entries(expected)) {
    const place = path === '' ? name : `${path}.${name}`
    if (!Object.hasOwn(actual, name)) return { path: place, isMissing: true }
    const mismatch = findMismatch(member, actual[name], place)
    if (mismatch) return mismatch
  }
  return undefined
}

function isObject(value: unknown): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
