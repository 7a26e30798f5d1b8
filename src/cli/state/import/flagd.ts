import type { StateObject, Value } from '../kinds.js'
import { wholeOf } from '../state.js'
import { type FlagConstraint, type FlagStrategy, type FlagVariant, type Imported, InexpressibleError } from './flag-model.js'
import { alternativesOf } from './flagd-conditions.js'

/** One flag of flagd's definitions. */
interface FlagdFlag {
  readonly state?: string
  readonly variants?: Readonly<Record<string, Value>>
  readonly defaultVariant?: string | null
  readonly targeting?: Value
}

/** What targeting comes to: whoever fits one of the alternatives gets a variant, everybody else the other one. */
interface Choice {
  readonly alternatives: readonly (readonly FlagConstraint[])[]
  readonly then: string
  readonly otherwise: string
}

/** Shares of variants, and by which field callers are drawn. */
interface Fractional {
  readonly shares: ReadonlyMap<string, number>
  readonly stickiness: string
}

const KEY = /^[a-z0-9][a-z0-9._/-]{0,199}$/
const HASHES = 'shares are the same, but callers are drawn by another hash: who is in changes once'

/** Converts flagd's definitions: static flags, a simple `if`, and `fractional` alone; every other one is refused by name. */
export function importFlagd(given: Value): Imported {
  const flags = new Map<string, StateObject>()
  const refused: Imported['refused'][number][] = []
  const warnings: Imported['warnings'][number][] = []
  const definitions = ((given ?? {}) as { flags?: Readonly<Record<string, FlagdFlag>> }).flags ?? {}
  for (const [key, flag] of Object.entries(definitions)) {
    try {
      if (!KEY.test(key))
        throw new InexpressibleError('its name cannot be a key here: a-z, 0-9 and . _ / - only, which its callers ask for')
      const { object, isDrawn } = convert(flag)
      flags.set(key, wholeOf('flags', object))
      if (isDrawn) warnings.push({ name: key, warning: HASHES })
    } catch (error) {
      if (!(error instanceof InexpressibleError)) throw error
      refused.push({ name: key, reason: error.message })
    }
  }
  return { flags, renamed: [], refused, warnings }
}

function convert(flag: FlagdFlag): { object: StateObject; isDrawn: boolean } {
  const variants = flag.variants ?? {}
  const isBoolean = Object.values(variants).every((value) => typeof value === 'boolean')
  if (flag.state === 'DISABLED')
    return { object: { isEnabled: false, variants: isBoolean ? [] : toVariants(variants, new Map()) }, isDrawn: false }
  const fallback = flag.defaultVariant ?? undefined
  if (fallback === undefined || !Object.hasOwn(variants, fallback)) throw new InexpressibleError('it has no defaultVariant')
  const targeting = isEmpty(flag.targeting) ? undefined : (flag.targeting as StateObject)
  if (targeting && 'fractional' in targeting)
    return { object: toFractional(variants, isBoolean, readFractional(targeting['fractional'] ?? null)), isDrawn: true }
  if (!isBoolean) {
    if (targeting)
      throw new InexpressibleError('targeting between variants that are not true and false: variants of ours are drawn by weight')
    return { object: { variants: toVariants(variants, new Map([[fallback, 1]])) }, isDrawn: false }
  }
  const on = (name: string): boolean => variants[name] === true
  if (!targeting) return { object: { isEnabled: on(fallback) }, isDrawn: false }
  return { object: toBoolean(readChoice(targeting, fallback), on), isDrawn: false }
}

function isEmpty(value: Value | undefined): boolean {
  return value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0)
}

function toBoolean({ alternatives, then, otherwise }: Choice, on: (name: string) => boolean): StateObject {
  if (on(then) === on(otherwise)) return { isEnabled: on(then) }
  if (!on(then)) throw new InexpressibleError('it is on for everybody but those of a rule: strategies of ours say whom it is on for')
  const strategies = alternatives.map(
    (constraints): FlagStrategy => ({ constraints, rolloutPercent: 100, stickiness: 'default', groupId: null }),
  )
  return { strategies: strategies as unknown as Value }
}

function readChoice(targeting: StateObject, fallback: string): Choice {
  const [operator, ...more] = Object.keys(targeting)
  const parts = targeting['if']
  if (operator !== 'if' || more.length > 0 || !Array.isArray(parts))
    throw new InexpressibleError(`targeting by ${operator ?? 'nothing'}: only a simple if is taken`)
  const [condition, then, otherwise = fallback] = parts as readonly Value[]
  if (parts.length > 3) throw new InexpressibleError('an if with several conditions')
  const isSimple = [then, otherwise].every((result) => typeof result === 'string' || result === null || result === undefined)
  if (!isSimple || typeof then !== 'string') throw new InexpressibleError('an if within an if')
  return { alternatives: alternativesOf(condition ?? null), then, otherwise: typeof otherwise === 'string' ? otherwise : fallback }
}

function readFractional(given: Value): Fractional {
  const parts = Array.isArray(given) ? (given as readonly Value[]) : []
  const [first] = parts
  const isBucketed = first !== undefined && !Array.isArray(first)
  const shares = (isBucketed ? parts.slice(1) : parts).map((part): [string, number] => {
    const [name, weight = 1] = (Array.isArray(part) ? part : []) as readonly Value[]
    if (typeof name !== 'string' || typeof weight !== 'number' || !Number.isInteger(weight) || weight < 0 || weight > 1000)
      throw new InexpressibleError('fractional with shares that are no whole numbers up to 1000')
    return [name, weight]
  })
  return { shares: new Map(shares), stickiness: isBucketed ? stickinessOf(first) : 'targetingKey' }
}

/** The field in `{"var": "email"}`, alone or joined with the flag's key, which our draw takes in by itself. */
function stickinessOf(bucket: Value): string {
  const joined = typeof bucket === 'object' && bucket !== null && 'cat' in bucket ? (bucket.cat as readonly Value[]) : [bucket]
  const fields = (Array.isArray(joined) ? joined : [joined]).map((part) => (part as { var?: Value } | null)?.var)
  const own = fields.filter((field) => field !== '$flagd.flagKey')
  const [field] = own
  if (own.length !== 1 || typeof field !== 'string') throw new InexpressibleError('fractional by more than one field of the context')
  return field
}

function toFractional(variants: Readonly<Record<string, Value>>, isBoolean: boolean, { shares, stickiness }: Fractional): StateObject {
  const total = [...shares.values()].reduce((sum, share) => sum + share, 0)
  const unknown = [...shares.keys()].find((name) => !Object.hasOwn(variants, name))
  if (total === 0 || unknown !== undefined) throw new InexpressibleError('fractional without shares, or of variants that are not there')
  const on = [...shares].reduce((sum, [name, share]) => sum + (variants[name] === true ? share : 0), 0)
  const rolloutPercent = isBoolean ? Math.round((on / total) * 10_000) / 100 : 100
  const strategy: FlagStrategy = { constraints: [], rolloutPercent, stickiness, groupId: null }
  return { strategies: [strategy] as unknown as Value, variants: isBoolean ? [] : toVariants(variants, shares) }
}

function toVariants(variants: Readonly<Record<string, Value>>, shares: ReadonlyMap<string, number>): Value {
  const weights = Object.entries(variants).map(([name, value]): FlagVariant => ({ name, weight: shares.get(name) ?? 0, value }))
  // Weights of nothing but 0 are no weights: a flag that is off draws none of them.
  const isDrawn = weights.some(({ weight }) => weight > 0)
  return weights.map((variant) => ({ ...variant, weight: isDrawn ? variant.weight : 1 })) as unknown as Value
}
