import { ENUMS } from '../../../generated/graphql/inputs.js'
import type { StateObject, Value } from '../kinds.js'
import { wholeOf } from '../state.js'
import { type ConvertedFlag, type FlagStrategy, type Imported, InexpressibleError } from './flag-model.js'
import { convertFeature } from './unleash-converter.js'
import type { UnleashFeature, UnleashSegment, UnleashState, UnleashStrategy } from './unleash-model.js'

/** What Unleash's export adds to a feature. */
interface ExportedFeature extends UnleashFeature {
  readonly description?: string | null
}

/** The answer of Unleash's client API, or its export of an environment, which has the parts in lists of their own. */
interface UnleashFile {
  readonly features?: readonly ExportedFeature[]
  readonly segments?: readonly (Partial<UnleashSegment> & { readonly id: number; readonly name?: string })[]
  readonly featureStrategies?: readonly (UnleashStrategy & {
    readonly featureName: string
    readonly sortOrder?: number
    readonly disabled?: boolean
  })[]
  readonly featureEnvironments?: readonly {
    readonly featureName: string
    readonly environment?: string
    readonly enabled?: boolean
    readonly variants?: UnleashFeature['variants']
  }[]
  readonly dependencies?: readonly { readonly feature: string; readonly dependencies: readonly unknown[] }[]
}

/** Converts what Unleash gave: each flag that can be said here, with the same answers; every other one is refused by name. */
export function importUnleash(given: Value, environment?: string): Imported {
  const file = (given ?? {}) as UnleashFile
  const state = stateOf(file)
  const flags = new Map<string, StateObject>()
  const renames: Imported['renamed'][number][] = []
  const refused: Imported['refused'][number][] = []
  const features = file.featureEnvironments ? assemble(file, environment) : (file.features ?? [])
  for (const feature of features) {
    try {
      demandWholeSegments(feature, file)
      const flag = renamed(convertFeature(feature, state).flag)
      if (flags.has(flag.key)) throw new InexpressibleError(`another flag is called "${flag.key}" here, too`)
      demandKnownOperators(flag)
      const { key, ...object } = flag
      if (key !== feature.name) renames.push({ name: feature.name, key })
      const description = (feature as ExportedFeature).description ?? null
      flags.set(key, wholeOf('flags', { ...(object as unknown as StateObject), description }))
    } catch (error) {
      if (!(error instanceof InexpressibleError)) throw error
      refused.push({ name: feature.name, reason: error.message })
    }
  }
  return { flags, renamed: renames, refused, warnings: [] }
}

function stateOf({ features = [], segments = [] }: UnleashFile): UnleashState {
  const whole = segments.filter((segment): segment is UnleashSegment => segment.constraints !== undefined)
  return {
    features: new Map(features.map((feature) => [feature.name, feature])),
    segments: new Map(whole.map((segment) => [segment.id, segment])),
  }
}

/** An export names segments without saying what is in them: nobody could tell whom such a flag is for. */
function demandWholeSegments({ strategies = [] }: UnleashFeature, { segments = [] }: UnleashFile): void {
  const used = new Set(strategies.flatMap((strategy) => strategy.segments ?? []))
  const hollow = segments.find(({ id, constraints }) => used.has(id) && constraints === undefined)
  if (hollow) throw new InexpressibleError('it uses a segment whose constraints are not in the file: import the answer of the client API')
}

/** The features of an export, with what belongs to them. */
function assemble(file: UnleashFile, wanted: string | undefined): ExportedFeature[] {
  const { features = [], featureStrategies = [], featureEnvironments = [], dependencies = [] } = file
  const names = [...new Set(featureEnvironments.flatMap(({ environment }) => environment ?? []))]
  if (wanted === undefined && names.length > 1) throw new InexpressibleError(`there are several environments: ${names.join(', ')}`)
  const environments = featureEnvironments.filter(({ environment }) => wanted === undefined || environment === wanted)
  return features.map((feature) => {
    const own = environments.find(({ featureName }) => featureName === feature.name)
    const strategies = featureStrategies.filter(({ featureName, disabled }) => featureName === feature.name && disabled !== true)
    return {
      ...feature,
      enabled: own?.enabled === true,
      variants: own?.variants ?? feature.variants ?? [],
      strategies: strategies.sort((one, other) => (one.sortOrder ?? 0) - (other.sortOrder ?? 0)),
      dependencies: dependencies.filter((each) => each.feature === feature.name).flatMap((each) => each.dependencies),
    }
  })
}

/** Ours are lower case. Where a name changes, users stay where they are only if the old one is what they are drawn by. */
function renamed(flag: ConvertedFlag): ConvertedFlag {
  const key = flag.key
    .toLowerCase()
    .replaceAll(/[^a-z0-9._/-]/g, '-')
    .replace(/^[^a-z0-9]+/, '')
    .slice(0, 200)
  if (key === '') throw new InexpressibleError('nothing of its name can be a key here')
  if (key === flag.key) return flag
  const drawn = flag.strategies.length === 0 && flag.variants.length > 1 ? [EVERYBODY] : flag.strategies
  return { ...flag, key, strategies: drawn.map((strategy) => ({ ...strategy, groupId: strategy.groupId ?? flag.key })) }
}

const EVERYBODY: FlagStrategy = { constraints: [], rolloutPercent: 100, stickiness: 'default', groupId: null }

function demandKnownOperators({ strategies }: ConvertedFlag): void {
  for (const { operator } of strategies.flatMap(({ constraints }) => constraints)) {
    if (!Object.hasOwn(ENUMS['ConstraintOperator'] ?? {}, operator)) throw new InexpressibleError(`operator ${operator} is none of ours`)
  }
}
