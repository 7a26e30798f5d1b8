import { isIPv4 } from 'node:net'
import {
  type ConvertedFlag,
  FLAG_LIMITS,
  type FlagConstraint,
  type FlagStrategy,
  type FlagVariant,
  InexpressibleError,
} from './flag-model.js'
import type { UnleashConstraint, UnleashFeature, UnleashState, UnleashStrategy, UnleashVariant } from './unleash-model.js'

/** A flag of ours that means the same, and by which equivalences it was put into our words. */
export interface Conversion {
  readonly flag: ConvertedFlag
  readonly rewrites: ReadonlySet<string>
}

/** Where the equivalences that were used are noted. */
type Rewrites = Set<string>

/**
 * One Unleash feature as a flag of ours with the same outcome for every context, or an InexpressibleError. A constraint
 * without a counterpart becomes alternatives (an OR of ours), and a strategy one strategy for each combination of them:
 * strategies are OR'd, and the alternatives exclude one another or share all else.
 */
export function convertFeature(feature: UnleashFeature, state: UnleashState): Conversion {
  const rewrites: Rewrites = new Set()
  if (!feature.enabled) return { flag: { key: feature.name, isEnabled: false, strategies: [], variants: [] }, rewrites }
  if ((feature.dependencies ?? []).length > 0) {
    throw new InexpressibleError('feature depends on another feature: a flag of ours knows no other flag')
  }
  const source = pickVariants(feature)
  if (source.variants.some((variant) => (variant.overrides ?? []).length > 0)) {
    throw new InexpressibleError('variant overrides: a variant of ours is drawn by weight only')
  }
  const own = (feature.strategies ?? []).flatMap((strategy) => convertStrategy(strategy, state, rewrites))
  const strategies = source.isFeatureLevel ? alignWithVariants(own, source.variants, { key: feature.name, rewrites }) : own
  if (strategies.length > FLAG_LIMITS.strategies) throw new InexpressibleError('needs more strategies than a flag may have')
  return { flag: { key: feature.name, isEnabled: true, strategies, variants: source.variants.map(convertVariant) }, rewrites }
}

/** Variants of a strategy go before those of the feature; ours stand on the flag, so only one strategy may bring some. */
function pickVariants(feature: UnleashFeature): { readonly variants: readonly UnleashVariant[]; readonly isFeatureLevel: boolean } {
  const strategies = feature.strategies ?? []
  const withVariants = strategies.filter((strategy) => (strategy.variants ?? []).length > 0)
  const [first] = withVariants
  if (first === undefined) return { variants: feature.variants ?? [], isFeatureLevel: true }
  if (strategies.length > 1)
    throw new InexpressibleError('several strategies, one with variants of its own: variants of ours belong to the flag')
  return { variants: first.variants ?? [], isFeatureLevel: false }
}

function convertVariant(variant: UnleashVariant): FlagVariant {
  const { name, weight, payload } = variant
  return { name, weight, value: payload === undefined ? null : { type: payload.type, value: payload.value } }
}

/**
 * Feature-level variants are drawn by the feature's name and the variants' own stickiness, ours by those of the strategy
 * that matched. The two agree where at most one variant can be drawn. Else a strategy that takes everybody may be given the
 * variants' draw, for its own decides nothing; a caller without the stickiness field is in all the same and gets a random
 * variant, so a second strategy follows.
 */
function alignWithVariants(
  strategies: readonly FlagStrategy[],
  variants: readonly UnleashVariant[],
  flag: { readonly key: string; readonly rewrites: Rewrites },
): FlagStrategy[] {
  if (variants.filter((variant) => variant.weight > 0).length < 2) return [...strategies]
  const stickiness = variants[0]?.stickiness ?? 'default'
  if (strategies.length === 0 && stickiness === 'default') return []
  const aligned = strategies.length === 0 ? [FOR_EVERYBODY] : strategies
  return aligned.flatMap((strategy) => {
    if (strategy.stickiness === stickiness && (strategy.groupId ?? flag.key) === flag.key) return [strategy]
    const takesEverybody = strategy.rolloutPercent === 100 && (strategy.stickiness === 'default' || strategy.stickiness === 'random')
    if (!takesEverybody) throw new InexpressibleError('variants drawn by another stickiness or group than the partial rollout')
    const drawn = { ...strategy, stickiness, groupId: null }
    if (stickiness === 'default' || stickiness === 'random') return [drawn]
    flag.rewrites.add('variants with a stickiness of their own -> a strategy with it, then one that is random')
    return [drawn, { ...strategy, stickiness: 'random', groupId: null }]
  })
}

const FOR_EVERYBODY: FlagStrategy = { constraints: [], rolloutPercent: 100, stickiness: 'default', groupId: null }

function convertStrategy(strategy: UnleashStrategy, state: UnleashState, rewrites: Rewrites): FlagStrategy[] {
  const constraints = [...(strategy.constraints ?? [])]
  for (const id of strategy.segments ?? []) {
    const segment = state.segments.get(id)
    rewrites.add('segment -> its constraints inlined')
    if (segment === undefined) return [{ ...FOR_EVERYBODY, rolloutPercent: 0 }]
    constraints.push(...segment.constraints)
  }
  const base = convertActivation(strategy)
  // Conjunctive normal form to disjunctive: one strategy for each way to choose one alternative of each constraint.
  let combinations: FlagConstraint[][] = [[...base.constraints]]
  for (const constraint of constraints) {
    const terms = convertConstraint(constraint, rewrites)
    combinations = terms.flatMap((term) => combinations.map((combination) => [...combination, ...term]))
  }
  return combinations.map((combination) => ({ ...base, constraints: combination }))
}

/** What a strategy asks apart from its constraints. */
function convertActivation(strategy: UnleashStrategy): FlagStrategy {
  const parameters = strategy.parameters ?? {}
  switch (strategy.name) {
    case 'default':
      return FOR_EVERYBODY
    case 'userWithId':
      return { ...FOR_EVERYBODY, constraints: [plainConstraint('userId', 'IN', splitList(parameters.userIds))] }
    case 'remoteAddress':
      return { ...FOR_EVERYBODY, constraints: [plainConstraint('remoteAddress', 'IN', expandAddresses(splitList(parameters.IPs)))] }
    case 'flexibleRollout':
      return rollout(parameters.rollout, parameters.stickiness ?? 'default', parameters.groupId ?? null)
    // The older gradual strategies use the same hash: `<groupId>:<id>`, seed 0, modulus 100; their group defaults to empty.
    case 'gradualRolloutUserId':
      return rollout(parameters.percentage, 'userId', parameters.groupId ?? '')
    case 'gradualRolloutSessionId':
      return rollout(parameters.percentage, 'sessionId', parameters.groupId ?? '')
    case 'gradualRolloutRandom':
      return rollout(parameters.percentage, 'random', null)
    default:
      throw new InexpressibleError(`strategy ${strategy.name}`)
  }
}

function rollout(percent: string | undefined, stickiness: string, groupId: string | null): FlagStrategy {
  return { constraints: [], rolloutPercent: Number(percent), stickiness, groupId }
}

function splitList(list: string | undefined): string[] {
  return (list ?? '').split(',').map((item) => item.trim())
}

function plainConstraint(contextField: string, operator: string, values: readonly string[]): FlagConstraint {
  return { contextField, operator, values, isInverted: false, isCaseInsensitive: false }
}

/** One constraint as an OR of ANDs. */
function convertConstraint(constraint: UnleashConstraint, rewrites: Rewrites): FlagConstraint[][] {
  const alternatives = findAlternatives(constraint, rewrites)
  if (constraint.inverted !== true) return alternatives.map((alternative) => [alternative])
  // The inversion of an OR is the AND of the inversions.
  return [alternatives.map((alternative) => ({ ...alternative, isInverted: true }))]
}

function findAlternatives(constraint: UnleashConstraint, rewrites: Rewrites): FlagConstraint[] {
  const { contextName, operator } = constraint
  const values = constraint.value === undefined ? (constraint.values ?? []) : [constraint.value]
  switch (operator) {
    case 'REGEX':
      throw new InexpressibleError('operator REGEX is none of ours: no operator matches a pattern')
    case 'SEMVER_GTE':
    case 'SEMVER_LTE': {
      rewrites.add('SEMVER_GTE, SEMVER_LTE -> SEMVER_GT or SEMVER_LT in one strategy, SEMVER_EQ in another')
      const strict = operator === 'SEMVER_GTE' ? 'SEMVER_GT' : 'SEMVER_LT'
      return [plainConstraint(contextName, strict, values), plainConstraint(contextName, 'SEMVER_EQ', values)]
    }
    case 'IN_CIDR':
      rewrites.add('IN_CIDR of IPv4 -> IN with every address, 1,000 a strategy')
      return chunk(expandAddresses(values), FLAG_LIMITS.values).map((addresses) => plainConstraint(contextName, 'IN', addresses))
    default:
      // An operator that nobody knows goes in as it is: stored data may hold one, and it must not match.
      return [
        {
          contextField: contextName,
          operator,
          values,
          isInverted: false,
          isCaseInsensitive: constraint.caseInsensitive ?? false,
        },
      ]
  }
}

/** Every IPv4 address that a list of addresses and CIDR blocks names; what is neither is left out, as the suite asks. */
function expandAddresses(entries: readonly string[]): string[] {
  return entries.flatMap((entry) => {
    const [address = '', prefix] = entry.split('/')
    if (address.includes(':')) throw new InexpressibleError('IPv6 address or block: one address has many spellings, ours compare text')
    if (!isIPv4(address)) return []
    return prefix === undefined ? [address] : expandBlock(address, Number(prefix))
  })
}

function expandBlock(address: string, prefixLength: number): string[] {
  const size = 2 ** (32 - prefixLength)
  if (size > FLAG_LIMITS.strategies * FLAG_LIMITS.values)
    throw new InexpressibleError('IPv4 block with more addresses than a flag may list')
  const number = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0)
  const first = number - (number % size)
  return Array.from({ length: size }, (_, index) => toDotted(first + index))
}

function toDotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.')
}

/** Parts of at most `size`; one empty part for an empty list, which then matches nothing. */
function chunk(items: readonly string[], size: number): string[][] {
  const parts: string[][] = []
  for (let start = 0; start < items.length; start += size) parts.push(items.slice(start, start + size))
  return parts.length > 0 ? parts : [[]]
}
