import { type UserErrorData, userError } from '../contract/errors.js'
import type { JsonFault } from './json.js'

/** Longest description or note, in characters. */
export const MAX_TEXT_LENGTH = 2_000
/** The most faults that are reported for one JSON value; a last line says that there are more. */
const MAX_FAULTS = 100
/** A message can quote a schema. */
const MAX_MESSAGE_LENGTH = 300

/** Faults of an optional text: longer than `maxLength` characters. */
export function findTextFaults(text: string | null | undefined, field: readonly string[], maxLength = MAX_TEXT_LENGTH): UserErrorData[] {
  if (!text || text.length <= maxLength) return []
  return [userError('INVALID', field, `This must be at most ${maxLength} characters long, has ${text.length}.`)]
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
