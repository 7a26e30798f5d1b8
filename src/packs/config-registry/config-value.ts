import { type UserErrorData, userError } from '../../core/contract/errors.js'
import { findJsonFaults, type JsonFault, type JsonLimits } from '../../core/values/json.js'

/** A config value, and a schema for one, may have 64 KiB of compact JSON and 32 levels of arrays and objects. */
export const VALUE_LIMITS: JsonLimits = { maxBytes: 64 * 1024, maxDepth: 32 }

/** The most faults that are reported for one value or schema; a last line says that there are more. */
const MAX_FAULTS = 100
/** A message can quote the schema. */
const MAX_MESSAGE_LENGTH = 300

/**
 * Every reason why a value cannot be stored: `INVALID`, with `value` and the path inside it as the field. Holds for
 * every value, with or without a schema.
 */
export function validateStorable(value: unknown): UserErrorData[] {
  return toUserErrors('value', findJsonFaults(value, VALUE_LIMITS))
}

/** Faults in a part of the input as user errors, each once. */
export function toUserErrors(part: 'value' | 'valueSchema', faults: readonly JsonFault[]): UserErrorData[] {
  const errors = new Map<string, UserErrorData>()
  for (const { path, message } of faults) {
    const clipped = message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH)}…`.toWellFormed() : message
    const error = userError('INVALID', [part, ...path], `This ${clipped}.`)
    errors.set(JSON.stringify(error), error)
  }
  const all = [...errors.values()]
  if (all.length <= MAX_FAULTS) return all
  return [...all.slice(0, MAX_FAULTS), userError('INVALID', [part], `This has more faults than these ${MAX_FAULTS}.`)]
}
