import { type UserErrorData, userError } from '../../core/contract/errors.js'
import { findRangeFaults, toUserErrors } from '../../core/values/faults.js'
import { findJsonFaults } from '../../core/values/json.js'
import { findTextFaults } from '../../core/values/text.js'
import {
  CONSTRAINT_OPERATORS,
  type ConstraintOperator,
  type FlagConstraint,
  type FlagStrategy,
  type FlagVariant,
} from './evaluation/evaluation.js'
import { parseDecimal, parseInstant, parseVersion } from './evaluation/values.js'

/** The largest flag that is accepted. Lengths are in UTF-16 code units, bytes are of JSON in UTF-8. */
export const FLAG_LIMITS = {
  strategies: 100,
  constraints: 100,
  values: 1000,
  valueLength: 1000,
  groupIdLength: 200,
  variants: 100,
  variantNameLength: 100,
  variantWeight: 1000,
  variantValue: { maxDepth: 16, maxBytes: 16 * 1024 },
} as const

const FIELD_NAME = /^[A-Za-z0-9_.-]{1,100}$/
const FIELD_NAME_RULE = 'must be 1 to 100 letters, digits, dots, underscores or hyphens'
const OPERATORS: ReadonlySet<string> = new Set(CONSTRAINT_OPERATORS)

type Path = readonly string[]

/** Every fault of a flag's strategies; `pathPrefix` is where they stand in the input. Lists that are too long are not read beyond their limit. */
export function validateStrategies(strategies: readonly FlagStrategy[], pathPrefix: Path): UserErrorData[] {
  return [
    ...checkCount(strategies.length, FLAG_LIMITS.strategies, { path: pathPrefix, noun: 'strategies' }),
    ...strategies.slice(0, FLAG_LIMITS.strategies).flatMap((strategy, index) => checkStrategy(strategy, [...pathPrefix, String(index)])),
  ]
}

/** Every fault of a flag's variants; `pathPrefix` is where they stand in the input. */
export function validateVariants(variants: readonly FlagVariant[], pathPrefix: Path): UserErrorData[] {
  const read = variants.slice(0, FLAG_LIMITS.variants)
  const faults = [
    ...checkCount(variants.length, FLAG_LIMITS.variants, { path: pathPrefix, noun: 'variants' }),
    ...read.flatMap((variant, index) => checkVariant(variant, [...pathPrefix, String(index)])),
    ...checkUniqueNames(read, pathPrefix),
  ]
  if (variants.length > 0 && variants.every((variant) => variant.weight === 0)) {
    faults.push(userError('INVALID', pathPrefix, 'At least one variant must have a weight above 0, or none could be drawn.'))
  }
  return faults
}

function checkStrategy(strategy: FlagStrategy, path: Path): UserErrorData[] {
  const { constraints, groupId } = strategy
  const faults = [...checkPercent(strategy.rolloutPercent, [...path, 'rolloutPercent'])]
  if (!FIELD_NAME.test(strategy.stickiness)) {
    faults.push(userError('INVALID', [...path, 'stickiness'], `This ${FIELD_NAME_RULE}: "default", "random" or a context field.`))
  }
  faults.push(...findTextFaults(groupId, [...path, 'groupId'], FLAG_LIMITS.groupIdLength))
  const constraintsPath = [...path, 'constraints']
  faults.push(
    ...checkCount(constraints.length, FLAG_LIMITS.constraints, { path: constraintsPath, noun: 'constraints in a strategy' }),
    ...constraints
      .slice(0, FLAG_LIMITS.constraints)
      .flatMap((constraint, index) => checkConstraint(constraint, [...constraintsPath, String(index)])),
  )
  return faults
}

/** Two decimals at most: a number has them when the nearest hundredth is the very same number. */
function checkPercent(percent: number, path: Path): UserErrorData[] {
  if (!Number.isFinite(percent) || percent < 0 || percent > 100) {
    return [userError('INVALID', path, 'This must be a number from 0 to 100.')]
  }
  if (Math.round(percent * 100) / 100 !== percent) {
    return [userError('INVALID', path, 'This must have at most two decimals, such as 33.33.')]
  }
  return []
}

function checkConstraint(constraint: FlagConstraint, path: Path): UserErrorData[] {
  const { contextField, operator, values } = constraint
  const valuesPath = [...path, 'values']
  const faults: UserErrorData[] = []
  if (!FIELD_NAME.test(contextField)) faults.push(userError('INVALID', [...path, 'contextField'], `This ${FIELD_NAME_RULE}.`))
  if (!OPERATORS.has(operator)) {
    faults.push(userError('INVALID', [...path, 'operator'], `This must be one of ${CONSTRAINT_OPERATORS.join(', ')}.`))
  }
  if (values.length > FLAG_LIMITS.values) {
    return [...faults, ...checkCount(values.length, FLAG_LIMITS.values, { path: valuesPath, noun: 'values in a constraint' })]
  }
  const single = SINGLE_VALUE.get(operator)
  if (single !== undefined && values.length !== 1) {
    const code = values.length === 0 ? 'REQUIRED' : 'INVALID'
    faults.push(userError(code, valuesPath, `${operator} takes exactly one value, ${single.noun}; this has ${values.length}.`))
  }
  return [...faults, ...values.flatMap((value, index) => checkValue(value, operator, [...valuesPath, String(index)]))]
}

/** What the one value of an operator must be. */
interface SingleValueRule {
  readonly noun: string
  readonly parse: (text: string) => unknown
}

const NUMBER_RULE: SingleValueRule = { noun: 'a decimal number such as 12.5', parse: parseDecimal }
const DATE_RULE: SingleValueRule = { noun: 'an ISO 8601 date-time with an offset such as 2030-01-31T08:00:00Z', parse: parseInstant }
const VERSION_RULE: SingleValueRule = { noun: 'a version by SemVer 2.0.0 such as 1.2.3 (no leading v)', parse: parseVersion }

/** Operators that are not here take a list of texts. */
const SINGLE_VALUE: ReadonlyMap<string, SingleValueRule> = new Map([
  ['NUM_EQ', NUMBER_RULE],
  ['NUM_GT', NUMBER_RULE],
  ['NUM_GTE', NUMBER_RULE],
  ['NUM_LT', NUMBER_RULE],
  ['NUM_LTE', NUMBER_RULE],
  ['DATE_AFTER', DATE_RULE],
  ['DATE_BEFORE', DATE_RULE],
  ['SEMVER_EQ', VERSION_RULE],
  ['SEMVER_GT', VERSION_RULE],
  ['SEMVER_LT', VERSION_RULE],
])

function checkValue(value: string, operator: ConstraintOperator, path: Path): UserErrorData[] {
  const faults = findTextFaults(value, path, FLAG_LIMITS.valueLength)
  if (faults.length > 0) return faults
  const single = SINGLE_VALUE.get(operator)
  if (single !== undefined && single.parse(value) === undefined) {
    return [userError('INVALID', path, `${operator} needs ${single.noun}.`)]
  }
  if (value === '' && operator.startsWith('STR_')) {
    return [userError('INVALID', path, `${operator} needs a text that is not empty: every text would match an empty one.`)]
  }
  return []
}

function checkVariant(variant: FlagVariant, path: Path): UserErrorData[] {
  const { name, weight } = variant
  const faults: UserErrorData[] = []
  if (name === '') faults.push(userError('REQUIRED', [...path, 'name'], 'A variant needs a name of 1 to 100 characters.'))
  faults.push(...findTextFaults(name, [...path, 'name'], FLAG_LIMITS.variantNameLength))
  faults.push(...findRangeFaults(weight, [...path, 'weight'], [0, FLAG_LIMITS.variantWeight]))
  return [...faults, ...toUserErrors([...path, 'value'], findJsonFaults(variant.value, FLAG_LIMITS.variantValue))]
}

/** Each name that came before is a fault where it comes again. */
function checkUniqueNames(variants: readonly FlagVariant[], pathPrefix: Path): UserErrorData[] {
  const seen = new Set<string>()
  return variants.flatMap(({ name }, index) => {
    if (seen.has(name))
      return [
        userError('INVALID', [...pathPrefix, String(index), 'name'], 'Another variant of this flag has this name: give each its own.'),
      ]
    seen.add(name)
    return []
  })
}

/** Where a fault is, and what the thing is called in its message. */
interface Place {
  readonly path: Path
  readonly noun: string
}

function checkCount(count: number, limit: number, place: Place): UserErrorData[] {
  return count > limit ? [userError('LIMIT_EXCEEDED', place.path, `At most ${limit} ${place.noun} are allowed, this has ${count}.`)] : []
}
