import { type UserErrorData, userError } from '../contract/errors.js'

/** Longest description or note, in characters. */
export const MAX_TEXT_LENGTH = 2_000

/** Faults of an optional text: longer than `maxLength` characters. */
export function findTextFaults(text: string | null | undefined, field: readonly string[], maxLength = MAX_TEXT_LENGTH): UserErrorData[] {
  if (!text || text.length <= maxLength) return []
  return [userError('INVALID', field, `This must be at most ${maxLength} characters long, has ${text.length}.`)]
}
