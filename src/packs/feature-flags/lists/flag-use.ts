import sorted from 'sorted-btree'
import type { CoreServices } from '../../../core/contract/core-services.js'
import { walk } from '../../../core/graphql/bounds/turns.js'
import type { Order } from '../../../core/graphql/lists/ordered-page.js'
import { placeIn } from '../../../core/state/collection.js'
import type { Snapshot } from '../../../core/state/snapshot.js'
import { type FeatureFlagRecord, featureFlagCollection } from '../feature-flag.collection.js'

// A CommonJS package with a `default` property: to Node's ESM its default import is the whole module.
const Tree = sorted.default

const MINUTE_MS = 60_000

/** When somebody last asked for a flag. Marks are kept by key: one from before the flag was made is of a flag that was deleted. */
export function lastEvaluatedAt({ usage }: Pick<CoreServices, 'usage'>, { key, createdAt }: FeatureFlagRecord): Date | null {
  const lastAt = usage.lastAt('flag', key)
  return lastAt && lastAt >= createdAt ? lastAt : null
}

/**
 * All flags by the minute in which somebody last asked for them, those that nobody ever asked for first. Nothing is done for it
 * where flags are evaluated: it takes in what has moved since somebody last wanted the order, each flag once a minute at most.
 */
export class FlagUse {
  readonly #core: Pick<CoreServices, 'ledger' | 'usage'>
  readonly #takeMoved: () => readonly string[]
  /** Where each flag stands in the tree. */
  readonly #places = new Map<string, string>()
  readonly #tree = new Tree<string, string>()
  /** Flags that were made or deleted since. */
  #changed = new Set<string>()
  #isReloaded = true
  #settling: Promise<void> = Promise.resolve()

  constructor(core: Pick<CoreServices, 'ledger' | 'usage'>) {
    this.#core = core
    this.#takeMoved = core.usage.follow('flag')
    core.ledger.onCommit((changes) => {
      // No changes at all: the state was loaded anew, and anything may have changed.
      if (changes.length === 0) this.#isReloaded = true
      for (const { targetType, targetKey } of changes) if (targetType === featureFlagCollection.name) this.#changed.add(targetKey)
    })
  }

  /** The order as it is now; goes on being that, whatever is evaluated meanwhile. */
  async order(snapshot: Snapshot): Promise<Order<FeatureFlagRecord>> {
    const settling = this.#settling.then(() => this.#settle())
    this.#settling = settling.catch(() => {
      // What has moved was taken already, so all of it is looked at again.
      this.#isReloaded = true
    })
    await settling
    const [tree, places, view] = [this.#tree.clone(), this.#places, snapshot.view(featureFlagCollection)]
    return {
      name: 'lastEvaluatedAt',
      placeOf: ({ key }) => places.get(key) ?? placeIn('', key),
      *behind(behind = '') {
        for (const [place, key] of tree.entries(behind)) {
          const flag = view.get(key)
          if (flag && place !== behind) yield [place, flag]
        }
      },
    }
  }

  async #settle(): Promise<void> {
    const flags = this.#core.ledger.snapshot.view(featureFlagCollection)
    const keys = new Set([...this.#takeMoved(), ...this.#changed])
    if (this.#isReloaded) for (const key of [...this.#places.keys(), ...[...flags.values()].map((flag) => flag.key)]) keys.add(key)
    this.#changed = new Set()
    this.#isReloaded = false
    await walk(keys.values(), (key) => {
      this.#put(key, flags.get(key))
      return true
    })
  }

  #put(key: string, flag: FeatureFlagRecord | undefined): void {
    const [before, place] = [this.#places.get(key), flag && placeIn(minuteOf(lastEvaluatedAt(this.#core, flag)), key)]
    if (before === place) return
    if (before !== undefined) this.#tree.delete(before)
    if (place === undefined) this.#places.delete(key)
    else {
      this.#tree.set(place, key)
      this.#places.set(key, place)
    }
  }
}

/** What sorts before any minute stands for never. */
function minuteOf(time: Date | null): string {
  return time ? String(Math.floor(time.getTime() / MINUTE_MS)).padStart(12, '0') : ''
}

/** The one such order of a server. */
export const flagUse = (core: CoreServices): FlagUse => new FlagUse(core)
