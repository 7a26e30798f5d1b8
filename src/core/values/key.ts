import { type UserErrorData, userError } from '../contract/errors.js'
import { findTextFaults } from './text.js'

/** What a name of a config entry, a feature flag and the like may be: at most 200 characters, lower case, in ASCII. */
export const KEY_PATTERN = /^[a-z0-9][a-z0-9._/-]{0,199}$/

/** The largest number of characters of a key. */
const MAX_LENGTH = 200

/**
 * Every fault of a key: none when it fits {@link KEY_PATTERN}, else one that says what to change, `REQUIRED` for an
 * empty key and `INVALID` for any other. `field` is the path of the key below `input`.
 */
export function validateKey(key: string, field: readonly string[]): UserErrorData[] {
  if (KEY_PATTERN.test(key)) return []
  if (key === '') return [userError('REQUIRED', field, 'This must not be empty.')]
  const tooLong = findTextFaults(key, field, MAX_LENGTH)
  if (tooLong.length > 0) return tooLong
  return [userError('INVALID', field, "This must start with a-z or 0-9 and hold only a-z, 0-9, '.', '_', '/' and '-'.")]
}
