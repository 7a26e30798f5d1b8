import type { RequestContext } from '../../../core/graphql/context.js'
import { mapInSlices } from '../../../core/platform/slices.js'
import type { AnyCollection, SearchSpec } from '../../../core/state/collection.js'
import { operationFacts } from '../operation.resolver.js'
import type { SearchHit, SearchHitKindName } from './search.types.js'

/** The kinds of records that are searched, in the order in which they are shown among equals. */
export const KINDS: readonly SearchHitKindName[] = ['FLAG', 'CONFIG', 'CLIENT', 'RATE_LIMIT', 'MAINTENANCE_WINDOW', 'SMOKE_CHECK']

/** How well something fits: its title is the text, begins with it, holds it, or the words stand somewhere. */
const RANKS = 4

/**
 * What holds every word of a text in its title, its subtitle or its id, the best first and at most `first`: by how well it fits, then
 * by kind and key. Looks at every record of the state of the call, and lets others have their turn.
 */
export async function search(context: RequestContext, text: string, first: number): Promise<readonly SearchHit[]> {
  const asked = text.trim().toLowerCase()
  if (asked === '') return []
  const found = new Findings(asked, first)
  const collections = KINDS.flatMap((kind) => context.core.collections.filter(({ searched }) => searched?.kind === kind))
  for (const collection of collections)
    await mapInSlices(context.snapshot.table(collection.name).values(), (record) => found.look(hitOf(collection, record)))
  for (const { id, name, pack, description } of context.core.once(operationFacts))
    found.look({ kind: 'OPERATION', pack, targetId: id, title: name, subtitle: description })
  return found.best
}

function hitOf(collection: AnyCollection, record: object): SearchHit {
  const { kind, titleOf, subtitleOf } = collection.searched as SearchSpec<object>
  const words = { title: titleOf(record), subtitle: subtitleOf(record) }
  return { kind: kind as SearchHitKindName, pack: collection.pack, targetId: collection.idOf(record), ...words }
}

class Findings {
  readonly #asked: string
  readonly #words: readonly string[]
  readonly #first: number
  readonly #ranks: readonly SearchHit[][] = Array.from({ length: RANKS }, () => [])

  constructor(asked: string, first: number) {
    this.#asked = asked
    this.#words = asked.split(/\s+/)
    this.#first = first
  }

  get best(): readonly SearchHit[] {
    return this.#ranks.flat().slice(0, this.#first)
  }

  look(hit: SearchHit): void {
    const title = hit.title.toLowerCase()
    const whole = `${title}\n${hit.subtitle?.toLowerCase() ?? ''}\n${hit.targetId.toLowerCase()}`
    if (!this.#words.every((word) => whole.includes(word))) return
    const at = title.indexOf(this.#asked)
    const rank = this.#ranks[title === this.#asked ? 0 : at === 0 ? 1 : at > 0 ? 2 : 3]
    if (rank && rank.length < this.#first) rank.push(hit)
  }
}
