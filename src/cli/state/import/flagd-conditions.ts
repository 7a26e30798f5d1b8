import type { StateObject, Value } from '../kinds.js'
import { type FlagConstraint, InexpressibleError } from './flag-model.js'

type Alternatives = readonly (readonly FlagConstraint[])[]

/** Most alternatives of one condition: as many as a flag may have strategies. */
const MAX_ALTERNATIVES = 100

/** A condition of JsonLogic as an OR of ANDs of our constraints. Throws InexpressibleError for what has no counterpart. */
export function alternativesOf(condition: Value): Alternatives {
  const [operator, args] = readOperation(condition)
  if (operator === 'and') return args.map(alternativesOf).reduce<Alternatives>(joined, [[]])
  if (operator === 'or') return bounded(args.flatMap(alternativesOf))
  if (operator === '!' || operator === '!!') return negated(operator, args)
  return [[comparison(operator, args)]]
}

function joined(left: Alternatives, right: Alternatives): Alternatives {
  return bounded(left.flatMap((one) => right.map((other) => [...one, ...other])))
}

function bounded(alternatives: Alternatives): Alternatives {
  if (alternatives.length > MAX_ALTERNATIVES)
    throw new InexpressibleError('a condition with more alternatives than a flag may have strategies')
  return alternatives
}

/** Only a list turns around without a doubt: of a field that is missing, every other comparison is false in both ways. */
function negated(operator: string, args: readonly Value[]): Alternatives {
  const [[constraint, ...more] = [], ...others] = alternativesOf(args[0] ?? null)
  const isList = constraint?.operator === 'IN' || constraint?.operator === 'NOT_IN'
  if (operator !== '!' || !isList || !constraint || more.length > 0 || others.length > 0)
    throw new InexpressibleError(`the operator ${operator} over anything but a list`)
  return [[{ ...constraint, operator: constraint.operator === 'IN' ? 'NOT_IN' : 'IN' }]]
}

function readOperation(condition: Value): readonly [string, readonly Value[]] {
  if (typeof condition !== 'object' || condition === null || Array.isArray(condition))
    throw new InexpressibleError('a condition that is a constant')
  const [operator = '', ...more] = Object.keys(condition)
  if (more.length > 0) throw new InexpressibleError('a condition with several operators at once')
  const args = (condition as StateObject)[operator] ?? null
  return [operator, Array.isArray(args) ? (args as readonly Value[]) : [args]]
}

const NUMBERS: Readonly<Record<string, string>> = { '>': 'NUM_GT', '>=': 'NUM_GTE', '<': 'NUM_LT', '<=': 'NUM_LTE' }
const VERSIONS: Readonly<Record<string, string>> = { '=': 'SEMVER_EQ', '>': 'SEMVER_GT', '<': 'SEMVER_LT' }
const EQUALS: Readonly<Record<string, string>> = { '==': 'IN', '===': 'IN', '!=': 'NOT_IN', '!==': 'NOT_IN' }
const TEXTS: Readonly<Record<string, string>> = { starts_with: 'STR_STARTS_WITH', ends_with: 'STR_ENDS_WITH' }

function comparison(operator: string, [left = null, right = null, third]: readonly Value[]): FlagConstraint {
  const ours = EQUALS[operator] ?? TEXTS[operator]
  if (ours !== undefined && typeof right === 'string') return constraint(left, ours, [right])
  if (NUMBERS[operator] !== undefined && typeof right === 'number' && third === undefined)
    return constraint(left, NUMBERS[operator], [String(right)])
  if (operator === 'sem_ver' && typeof right === 'string' && typeof third === 'string' && VERSIONS[right])
    return constraint(left, VERSIONS[right], [third])
  if (operator === 'in' && Array.isArray(right) && right.every((item) => typeof item === 'string')) return constraint(left, 'IN', right)
  // `in` with the text first looks for it in the field.
  if (operator === 'in' && typeof left === 'string' && left !== '') return constraint(right, 'STR_CONTAINS', [left])
  throw new InexpressibleError(`the operator ${operator} with these arguments`)
}

function constraint(field: Value, operator: string, values: readonly string[]): FlagConstraint {
  const name = typeof field === 'object' && field !== null && 'var' in field ? field.var : undefined
  const contextField = Array.isArray(name) ? (name as readonly Value[])[0] : name
  if (typeof contextField !== 'string' || !/^[A-Za-z0-9_.-]{1,100}$/.test(contextField))
    throw new InexpressibleError('a comparison of something that is no field of the context')
  return { contextField, operator, values, isInverted: false, isCaseInsensitive: false }
}
