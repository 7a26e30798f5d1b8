import fc from 'fast-check'
import type { Command } from '../../src/core/state/command.js'
import type { Draft } from '../../src/core/state/draft.js'
import type { Snapshot } from '../../src/core/state/snapshot.js'
import type { JsonObject } from '../../src/core/values/json.js'
import { configEntryCollection } from '../../src/packs/config-registry/config-entry.collection.js'
import { setConfig, unlockConfig } from '../../src/packs/config-registry/config-entry.commands.js'
import { featureFlagCollection } from '../../src/packs/feature-flags/feature-flag.collection.js'
import { setFeatureFlag } from '../../src/packs/feature-flags/feature-flag.commands.js'
import { systemMetadataCollection } from '../../src/packs/system-status/system-metadata.collection.js'
import { markBackendComplete, markBackendIncomplete, updateSystemVersion } from '../../src/packs/system-status/system-status.commands.js'
import { deletionOf } from '../testkit/commands.js'

const deleteConfig = deletionOf<'key'>('deleteConfig')
const deleteFeatureFlag = deletionOf<'key'>('deleteFeatureFlag')

/** One call of some command, ready to be committed. */
export interface AnyCall {
  readonly command: Command<object, unknown>
  readonly input: object
}

const call = <I extends object, O>(command: Command<I, O>, input: fc.Arbitrary<I>): fc.Arbitrary<AnyCall> =>
  input.map((value) => ({ command: command as unknown as Command<object, unknown>, input: value }))

// Few keys, so that commands meet: creation, change, deletion and creation again of the same one.
const key = fc.constantFrom('a', 'b', 'c', 'd/e')
const expectedVersion = fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined, freq: 4 })
const text = fc.option(fc.string({ maxLength: 12, unit: 'grapheme' }), { nil: null })
const value = fc.jsonValue({ maxDepth: 3 }).filter((json) => json !== null) as fc.Arbitrary<never>
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined })

/** Calls of every command of the packs whose records hold no secrets; many are refused, as in life. */
export const anyCall: fc.Arbitrary<AnyCall> = fc.oneof(
  {
    weight: 5,
    arbitrary: call(
      setConfig,
      fc.record({ key, value: maybe(value), description: maybe(text), isMutable: maybe(fc.boolean()), expectedVersion }),
    ),
  },
  { weight: 2, arbitrary: call(deleteConfig, fc.record({ key, expectedVersion })) },
  { weight: 1, arbitrary: call(unlockConfig, fc.record({ key, reason: fc.constant('test') })) },
  {
    weight: 5,
    arbitrary: call(
      setFeatureFlag,
      fc.record({
        key,
        isEnabled: maybe(fc.boolean()),
        group: maybe(fc.constantFrom('default', 'ui')),
        description: maybe(text),
        strategies: maybe(fc.array(fc.record({ rolloutPercent: fc.integer({ min: 0, max: 100 }) }), { maxLength: 2 })),
        variants: maybe(fc.constantFrom([], [{ name: 'x', weight: 1, value: { deep: [1, null] } }])),
        expectedVersion,
      }),
    ),
  },
  { weight: 2, arbitrary: call(deleteFeatureFlag, fc.record({ key, expectedVersion })) },
  { weight: 1, arbitrary: call(markBackendComplete, fc.record({ notes: maybe(text) })) },
  { weight: 1, arbitrary: call(markBackendIncomplete, fc.record({ notes: maybe(text) })) },
  { weight: 1, arbitrary: call(updateSystemVersion, fc.record({ version: fc.constantFrom('1.0.0', '1.1.0', '2.0.0', '2.0.0+build.2') })) },
)

/** Everything that a snapshot holds, as public images by collection. */
export function contentsOf(state: Snapshot | Draft): Record<string, JsonObject[]> {
  return {
    [configEntryCollection.name]: [...state.view(configEntryCollection).values()].map(configEntryCollection.imageOf),
    [featureFlagCollection.name]: [...state.view(featureFlagCollection).values()].map(featureFlagCollection.imageOf),
    [systemMetadataCollection.name]: [...state.view(systemMetadataCollection).values()].map(systemMetadataCollection.imageOf),
  }
}

/** Contents without what counts edits: what a revert has to bring back. */
export function substanceOf(state: Snapshot): unknown {
  const counters = new Set(['updatedAt', 'version:FeatureFlag', 'version:ConfigEntry', 'rowVersion:SystemStatus'])
  return Object.fromEntries(
    Object.entries(contentsOf(state)).map(([name, images]) => [
      name,
      images.map((image) =>
        Object.fromEntries(Object.entries(image).filter(([field]) => !counters.has(field) && !counters.has(`${field}:${name}`))),
      ),
    ]),
  )
}
