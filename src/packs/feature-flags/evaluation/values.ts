import type { SemVer } from 'semver'
import semver from 'semver'

const DECIMAL = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/
/** RFC 3339, seconds optional; the offset is not, since without one the time would depend on the machine. */
const DATE_TIME = /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/
/** What semver.parse would forgive and SemVer 2.0.0 does not: a leading `v` and white space around the version. */
const VERSION_SHAPE = /^\d\S*$/

/** The number that a decimal text stands for, or undefined: no hex, no white space, nothing infinite. */
export function parseDecimal(text: string): number | undefined {
  if (!DECIMAL.test(text)) return undefined
  const value = Number(text)
  return Number.isFinite(value) ? value : undefined
}

/** Milliseconds since 1970 of an RFC 3339 date-time with an offset, or undefined. */
export function parseInstant(text: string): number | undefined {
  const parts = DATE_TIME.exec(text)
  if (parts === null) return undefined
  // Date.parse lets 30 February pass as 2 March.
  const [, year, month, day] = parts
  const lastDay = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate()
  if (Number(day) > lastDay) return undefined
  const instant = Date.parse(text)
  return Number.isNaN(instant) ? undefined : instant
}

/** A version by SemVer 2.0.0, or undefined; a leading `v` is no version, as in Unleash's client specification. */
export function parseVersion(text: string): SemVer | undefined {
  return VERSION_SHAPE.test(text) ? (semver.parse(text) ?? undefined) : undefined
}
