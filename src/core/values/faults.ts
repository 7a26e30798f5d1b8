import { type UserErrorData, userError } from '../contract/errors.js'
import type { JsonFault } from './json.js'

/** The most faults that are reported for one JSON value; a last line says that there are more. */
const MAX_FAULTS = 100
/** A message can quote a schema. */
const MAX_MESSAGE_LENGTH = 300

/** Faults of members of an input that are null, where null means nothing. */
export function findNullFaults<I extends object>(input: I, names: readonly (keyof I & string)[]): UserErrorData[] {
  return names
    .filter((name) => input[name] === null)
    .map((name) => userError('INVALID', [name], 'This cannot be null: give a value, or leave it out to keep it as it is.'))
}

/** Faults of an optional number: not a whole one, or outside of `least` to `most`. */
export function findRangeFaults(
  value: number | null | undefined,
  field: readonly string[],
  [least, most]: readonly [least: number, most: number],
): UserErrorData[] {
  if (value === undefined || value === null || (Number.isInteger(value) && value >= least && value <= most)) return []
  return [userError('INVALID', field, `This must be a whole number from ${least} to ${most}, is ${value}.`)]
}

/** Faults of the JSON value that stands at `field` in the input as sentences, each once: `INVALID`. */
export function toUserErrors(field: readonly string[], faults: readonly JsonFault[]): UserErrorData[] {
  const errors = new Map<string, UserErrorData>()
  for (const { path, message } of faults) {
    const clipped = message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH)}…`.toWellFormed() : message
    const error = userError('INVALID', [...field, ...path], `This ${clipped}.`)
    errors.set(JSON.stringify(error), error)
  }
  const all = [...errors.values()]
  if (all.length <= MAX_FAULTS) return all
  return [...all.slice(0, MAX_FAULTS), userError('INVALID', field, `This has more faults than these ${MAX_FAULTS}.`)]
}
