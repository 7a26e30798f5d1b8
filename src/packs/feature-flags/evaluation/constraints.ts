import type { SemVer } from 'semver'
import type { FlagConstraint } from './evaluation.js'
import type { EvaluationSubject } from './evaluation-subject.js'
import { parseDecimal, parseInstant, parseVersion } from './values.js'

/** Whether a constraint holds for somebody. */
export type ConstraintTest = (subject: EvaluationSubject) => boolean

/**
 * The test of a constraint (Unleash's client specification, cases 09, 11, 13 and 14), with its values parsed. What is missing or
 * cannot be read (field, number, date, version) does not match, so that its inversion does. An operator that is not known
 * never holds, inverted or not.
 */
export function compileConstraint(constraint: FlagConstraint): ConstraintTest {
  const matches = compileMatch(constraint)
  if (!matches) return () => false
  return constraint.isInverted ? (subject) => !matches(subject) : matches
}

/** The test before inversion; undefined for an operator that is not known. */
function compileMatch(constraint: FlagConstraint): ConstraintTest | undefined {
  const { operator } = constraint
  switch (operator) {
    case 'IN':
      return compileList(constraint)
    case 'NOT_IN': {
      const isListed = compileList(constraint)
      return (subject) => !isListed(subject)
    }
    case 'STR_STARTS_WITH':
      return compileText(constraint, (text, value) => text.startsWith(value))
    case 'STR_ENDS_WITH':
      return compileText(constraint, (text, value) => text.endsWith(value))
    case 'STR_CONTAINS':
      return compileText(constraint, (text, value) => text.includes(value))
    case 'NUM_EQ':
      return compileNumber(constraint, (actual, expected) => actual === expected)
    case 'NUM_GT':
      return compileNumber(constraint, (actual, expected) => actual > expected)
    case 'NUM_GTE':
      return compileNumber(constraint, (actual, expected) => actual >= expected)
    case 'NUM_LT':
      return compileNumber(constraint, (actual, expected) => actual < expected)
    case 'NUM_LTE':
      return compileNumber(constraint, (actual, expected) => actual <= expected)
    // Both bounds are exclusive.
    case 'DATE_AFTER':
      return compileDate(constraint, (actual, expected) => actual > expected)
    case 'DATE_BEFORE':
      return compileDate(constraint, (actual, expected) => actual < expected)
    case 'SEMVER_EQ':
      return compileVersion(constraint, (order) => order === 0)
    case 'SEMVER_GT':
      return compileVersion(constraint, (order) => order > 0)
    case 'SEMVER_LT':
      return compileVersion(constraint, (order) => order < 0)
    default:
      // Stored data may hold an operator of a newer or older build.
      operator satisfies never
      return undefined
  }
}

const never: ConstraintTest = () => false

function compileList({ contextField, values }: FlagConstraint): ConstraintTest {
  const listed = new Set(values)
  return (subject) => {
    const text = subject.text(contextField)
    return text !== undefined && listed.has(text)
  }
}

/** An empty value is passed over: every text starts with, ends with and contains it. */
function compileText(
  { contextField, values, isCaseInsensitive }: FlagConstraint,
  holds: (text: string, value: string) => boolean,
): ConstraintTest {
  const wanted = values.filter((value) => value !== '').map((value) => (isCaseInsensitive ? value.toLowerCase() : value))
  return (subject) => {
    const read = subject.text(contextField)
    if (read === undefined) return false
    const text = isCaseInsensitive ? read.toLowerCase() : read
    for (const value of wanted) if (holds(text, value)) return true
    return false
  }
}

type Comparison = (actual: number, expected: number) => boolean

function compileNumber({ contextField, values: [value] }: FlagConstraint, holds: Comparison): ConstraintTest {
  const expected = parseOptional(value, parseDecimal)
  if (expected === undefined) return never
  return (subject) => {
    const actual = parseOptional(subject.text(contextField), parseDecimal)
    return actual !== undefined && holds(actual, expected)
  }
}

function compileDate({ contextField, values: [value] }: FlagConstraint, holds: Comparison): ConstraintTest {
  const expected = parseOptional(value, parseInstant)
  if (expected === undefined) return never
  if (contextField === 'currentTime') return ({ timeMs }) => holds(timeMs, expected)
  return (subject) => {
    const actual = parseOptional(subject.text(contextField), parseInstant)
    return actual !== undefined && holds(actual, expected)
  }
}

/** By precedence (SemVer 2.0.0, section 11): build metadata does not count. */
function compileVersion({ contextField, values: [value] }: FlagConstraint, holds: (order: number) => boolean): ConstraintTest {
  const expected: SemVer | undefined = parseOptional(value, parseVersion)
  if (expected === undefined) return never
  return (subject) => {
    const actual = subject.version(contextField)
    return actual !== undefined && holds(actual.compare(expected))
  }
}

function parseOptional<T>(text: string | undefined, parse: (text: string) => T | undefined): T | undefined {
  return text === undefined ? undefined : parse(text)
}
