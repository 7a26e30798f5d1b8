import type { SemVer } from 'semver'
import semver from 'semver'
import { readContextField } from './context-field.js'
import type { EvaluationContext, FlagConstraint } from './evaluation.js'

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

/**
 * Whether a constraint holds for a context (Unleash's client specification, cases 09, 11, 13 and 14). What is missing or
 * cannot be read (field, number, date, version) does not match, so that its inversion does. An operator that is not known
 * never holds, inverted or not.
 */
export function isConstraintMet(constraint: FlagConstraint, context: EvaluationContext, now: Date): boolean {
  const isMatch = matches(constraint, context, now)
  if (isMatch === undefined) return false
  return constraint.isInverted ? !isMatch : isMatch
}

/** The answer before inversion; undefined for an operator that is not known. */
function matches(constraint: FlagConstraint, context: EvaluationContext, now: Date): boolean | undefined {
  switch (constraint.operator) {
    case 'IN':
      return isListed(constraint, context, now)
    case 'NOT_IN':
      return !isListed(constraint, context, now)
    case 'STR_STARTS_WITH':
    case 'STR_ENDS_WITH':
    case 'STR_CONTAINS':
      return matchesText(constraint, context, now)
    case 'NUM_EQ':
    case 'NUM_GT':
    case 'NUM_GTE':
    case 'NUM_LT':
    case 'NUM_LTE':
      return matchesNumber(constraint, context, now)
    case 'DATE_AFTER':
    case 'DATE_BEFORE':
      return matchesDate(constraint, context, now)
    case 'SEMVER_EQ':
    case 'SEMVER_GT':
    case 'SEMVER_LT':
      return matchesVersion(constraint, context, now)
    default:
      // Stored data may hold an operator of a newer or older build.
      constraint.operator satisfies never
      return undefined
  }
}

function isListed(constraint: FlagConstraint, context: EvaluationContext, now: Date): boolean {
  const text = readContextField(context, constraint.contextField, now)
  return text !== undefined && constraint.values.includes(text)
}

/** An empty value is passed over: every text starts with, ends with and contains it. */
function matchesText(constraint: FlagConstraint, context: EvaluationContext, now: Date): boolean {
  const read = readContextField(context, constraint.contextField, now)
  if (read === undefined) return false
  const isCaseInsensitive = constraint.isCaseInsensitive
  const text = isCaseInsensitive ? read.toLowerCase() : read
  return constraint.values.some((raw) => {
    if (raw === '') return false
    const value = isCaseInsensitive ? raw.toLowerCase() : raw
    if (constraint.operator === 'STR_STARTS_WITH') return text.startsWith(value)
    if (constraint.operator === 'STR_ENDS_WITH') return text.endsWith(value)
    return text.includes(value)
  })
}

function matchesNumber(constraint: FlagConstraint, context: EvaluationContext, now: Date): boolean {
  const actual = parseOptional(readContextField(context, constraint.contextField, now), parseDecimal)
  const expected = parseOptional(constraint.values[0], parseDecimal)
  if (actual === undefined || expected === undefined) return false
  switch (constraint.operator) {
    case 'NUM_EQ':
      return actual === expected
    case 'NUM_GT':
      return actual > expected
    case 'NUM_GTE':
      return actual >= expected
    case 'NUM_LT':
      return actual < expected
    default:
      return actual <= expected
  }
}

/** Both bounds are exclusive. */
function matchesDate(constraint: FlagConstraint, context: EvaluationContext, now: Date): boolean {
  const expected = parseOptional(constraint.values[0], parseInstant)
  const actual =
    constraint.contextField === 'currentTime'
      ? (context.currentTime ?? now).getTime()
      : parseOptional(readContextField(context, constraint.contextField, now), parseInstant)
  if (actual === undefined || expected === undefined) return false
  return constraint.operator === 'DATE_AFTER' ? actual > expected : actual < expected
}

/** By precedence (SemVer 2.0.0, section 11): build metadata does not count. */
function matchesVersion(constraint: FlagConstraint, context: EvaluationContext, now: Date): boolean {
  const actual = parseOptional(readContextField(context, constraint.contextField, now), parseVersion)
  const expected = parseOptional(constraint.values[0], parseVersion)
  if (actual === undefined || expected === undefined) return false
  const order = actual.compare(expected)
  if (constraint.operator === 'SEMVER_EQ') return order === 0
  return constraint.operator === 'SEMVER_GT' ? order > 0 : order < 0
}

function parseOptional<T>(text: string | undefined, parse: (text: string) => T | undefined): T | undefined {
  return text === undefined ? undefined : parse(text)
}
