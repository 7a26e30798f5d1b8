import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { UnleashFeature, UnleashPayload, UnleashSegment, UnleashState } from '../../src/cli/state/import/unleash-model.js'

type UnleashEvent =
  | { readonly type: 'hydration'; readonly features: readonly UnleashFeature[]; readonly segments: readonly UnleashSegment[] }
  | { readonly type: 'feature-updated'; readonly feature: UnleashFeature }
  | { readonly type: 'feature-removed'; readonly featureName: string }
  | { readonly type: 'segment-updated'; readonly segment: UnleashSegment }
  | { readonly type: 'segment-removed'; readonly segmentId: number }

export interface UnleashContext {
  readonly userId?: string
  readonly sessionId?: string
  readonly remoteAddress?: string
  readonly environment?: string
  readonly appName?: string
  readonly currentTime?: string
  readonly properties?: Readonly<Record<string, string | null>>
}

/** One test of the suite: `expected` is a boolean of `isEnabled` or an object of `getVariant`. */
export interface SpecificationCase {
  readonly description: string
  readonly context: UnleashContext
  readonly toggleName: string
  readonly expectedResult: boolean | ExpectedVariant
}

export interface ExpectedVariant {
  readonly name: string
  readonly enabled: boolean
  readonly feature_enabled: boolean
  readonly payload?: UnleashPayload
}

/** One file of the suite. */
export interface Specification {
  readonly file: string
  readonly state: UnleashState
  readonly cases: readonly SpecificationCase[]
}

interface SpecificationFile {
  readonly state: {
    readonly features?: readonly UnleashFeature[]
    readonly segments?: readonly UnleashSegment[]
    readonly events?: readonly UnleashEvent[]
  }
  readonly tests?: readonly SpecificationCase[]
  readonly variantTests?: readonly SpecificationCase[]
}

/** Every file that the suite's index names, in its order. */
export function readSpecifications(): Specification[] {
  const require = createRequire(import.meta.url)
  const read = (file: string): unknown =>
    JSON.parse(readFileSync(require.resolve(`@unleash/client-specification/specifications/${file}`), 'utf8'))
  return (read('index.json') as string[]).map((file) => {
    const content = read(file) as SpecificationFile
    const events = content.state.events ?? [
      { type: 'hydration', features: content.state.features ?? [], segments: content.state.segments ?? [] },
    ]
    return { file, state: foldEvents(events), cases: [...(content.tests ?? []), ...(content.variantTests ?? [])] }
  })
}

/** The state after all events of the delta API, applied in order. */
function foldEvents(events: readonly UnleashEvent[]): UnleashState {
  const features = new Map<string, UnleashFeature>()
  const segments = new Map<number, UnleashSegment>()
  for (const event of events) {
    switch (event.type) {
      case 'hydration':
        features.clear()
        segments.clear()
        for (const feature of event.features) features.set(feature.name, feature)
        for (const segment of event.segments) segments.set(segment.id, segment)
        break
      case 'feature-updated':
        features.set(event.feature.name, event.feature)
        break
      case 'feature-removed':
        features.delete(event.featureName)
        break
      case 'segment-updated':
        segments.set(event.segment.id, event.segment)
        break
      case 'segment-removed':
        segments.delete(event.segmentId)
        break
      default:
        throw new Error(`the suite has an event that is not known here: ${JSON.stringify(event satisfies never)}`)
    }
  }
  return { features, segments }
}
