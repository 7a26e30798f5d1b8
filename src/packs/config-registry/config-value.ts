import { type UserErrorData, userError } from '../../core/contract/errors.js'
import { findJsonFaults, type JsonLimits } from '../../core/values/json.js'

/** A config value, and a schema for one, may have 64 KiB of compact JSON and 32 levels of arrays and objects. */
export const VALUE_LIMITS: JsonLimits = { maxBytes: 64 * 1024, maxDepth: 32 }

/** The most faults that are reported for one value; a last line says that there are more. */
const MAX_FAULTS = 100

/**
 * Every reason why a value cannot be stored: `INVALID`, with `value` and the path inside it as the field. Holds for
 * every value, with or without a schema.
 */
export function validateStorable(value: unknown): UserErrorData[] {
  const faults = findJsonFaults(value, VALUE_LIMITS)
  const errors = faults.slice(0, MAX_FAULTS).map((fault) => userError('INVALID', ['value', ...fault.path], fault.message))
  if (faults.length > MAX_FAULTS) errors.push(userError('INVALID', ['value'], `has more faults than these ${MAX_FAULTS}`))
  return errors
}
