import { AppError } from '../contract/errors.js'
import { findTextFault } from '../values/json.js'

/** The first moment that PostgreSQL takes in the form in which it is handed over: there is no year 0. */
const FIRST_MS = Date.parse('0001-01-01T00:00:00Z')
/** The last one that ISO 8601 writes with four digits for the year. */
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z')

/** Whether the database can hold this time. */
export function isStorableTime(time: Date): boolean {
  const ms = time.getTime()
  return ms >= FIRST_MS && ms <= LAST_MS
}

/** Throws BAD_USER_INPUT when a filter holds a text or a time that no row can have, and that the database would not even take. */
export function demandAskable(filter: object): void {
  for (const [name, value] of Object.entries(filter)) {
    const fault = faultOf(value)
    if (fault) throw new AppError('BAD_USER_INPUT', `The filter's \`${name}\` ${fault}.`)
  }
}

function faultOf(value: unknown): string | undefined {
  if (typeof value === 'string') return findTextFault(value)
  if (value instanceof Date && !isStorableTime(value)) return 'must be a time from the year 0001 to the year 9999'
  return undefined
}
