import { AppError } from '../contract/errors.js'
import { PACK_IDS } from '../contract/pack.js'
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

/** Throws BAD_USER_INPUT when a filter names what there is not, with those that there are: it would find nothing, which looks like an answer. */
export function demandOneOf(name: string, given: string | null | undefined, knownOnes: () => readonly string[]): void {
  if (typeof given !== 'string') return
  const known = knownOnes()
  if (known.includes(given)) return
  throw new AppError('BAD_USER_INPUT', `The filter's \`${name}\` is "${given}", which there is not. There are: ${known.join(', ')}.`)
}

/** The id of the pack that a filter names, in whatever letter case. Throws BAD_USER_INPUT when there is none of it. */
export function demandPack(given: string | null | undefined): string | null | undefined {
  const id = PACK_IDS.find((known) => known === given?.toUpperCase())
  if (!id) demandOneOf('pack', given, () => PACK_IDS)
  return id ?? given
}

function faultOf(value: unknown): string | undefined {
  if (typeof value === 'string') return findTextFault(value)
  if (value instanceof Date && !isStorableTime(value)) return 'must be a time from the year 0001 to the year 9999'
  return undefined
}
