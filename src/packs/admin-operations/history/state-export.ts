import type { RequestContext } from '../../../core/graphql/context.js'
import { type ImagesByKey, StateAt } from '../../../core/history/state-at.js'
import { mapInSlices } from '../../../core/platform/slices.js'
import type { AnyCollection, ExportSpec } from '../../../core/state/collection.js'
import { type Json, type JsonObject, sortedJson } from '../../../core/values/json.js'

/** What is exported. */
export interface ExportScope {
  readonly revision: number
  /** Names of the parts that are wanted. */
  readonly sections: ReadonlySet<string>
  /** What the names of the objects begin with. */
  readonly prefix: string
}

type Exported = AnyCollection & { readonly exported: ExportSpec }

/** The state as a document: the same one for the same revision, whoever asks and whenever. */
export async function exportState(context: RequestContext, { revision, sections, prefix }: ExportScope): Promise<JsonObject> {
  const { collections } = context.core
  const state = await StateAt.read(context, revision)
  const document: [string, Json][] = []
  for (const collection of collections.filter((of): of is Exported => sections.has(of.exported?.section ?? ''))) {
    const { section, fields } = collection.exported
    // A title is known once there is an image; a key at once.
    const images = await state.imagesOf(collection, (key) => collection.titleOf !== undefined || key.startsWith(prefix))
    const nameOf = await namesOf(collection, { state, images, collections })
    const objects = await mapInSlices(images.values(), (image): [string, Json] => {
      const members = fields.filter((field) => field in image).map((field): [string, Json] => [field, image[field] ?? null])
      return [nameOf(image), sortedJson(Object.fromEntries(members))]
    })
    document.push([section, Object.fromEntries(objects.filter(([name]) => name.startsWith(prefix)).sort(byName))])
  }
  return Object.fromEntries(document.sort(byName))
}

/** What the document calls the objects of a collection. */
async function namesOf(collection: Exported, at: { state: StateAt; images: ImagesByKey; collections: readonly AnyCollection[] }) {
  const titleOf = (image: JsonObject): string => collection.titleOf?.(image) ?? String(image[collection.key])
  const { referenceOf } = collection.exported
  const references = referenceOf ? [...at.images.values()].flatMap((image) => referenceOf(image) ?? []) : []
  const names = new Map<string, string>()
  for (const other of at.collections) {
    const wanted = new Set(references.filter(({ targetType }) => targetType === other.name).map(({ key }) => key))
    if (wanted.size === 0) continue
    for (const [key, image] of await at.state.imagesOf(other, (key) => wanted.has(key))) {
      // A name belongs to one object for as long as that is active.
      if (other.titleOf && image['isActive'] !== false) names.set(`${other.name} ${key}`, other.titleOf(image))
    }
  }
  return (image: JsonObject): string => {
    const reference = referenceOf?.(image)
    const name = reference && names.get(`${reference.targetType} ${reference.key}`)
    return name === undefined ? titleOf(image) : titleOf(image).replace(reference?.key ?? '', () => `${reference?.word}${name}`)
  }
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1
}
