import { KIND_SPECS, KINDS, type Kind, type StateObject, type Value } from './kinds.js'
import { type DesiredState, type Wanted, wholeOf } from './state.js'

/** The state of a server, whole objects by what files call them. */
export type ActualState = Readonly<Record<Kind, ReadonlyMap<string, StateObject>>>

/** What one object needs. */
export interface Work {
  readonly kind: Kind
  readonly key: string
  /** What it is to be; undefined: it is to go. */
  readonly wanted: Wanted | undefined
  /** The fields to set, without those that name the object. */
  readonly fields: StateObject
  readonly isNew: boolean
}

/** Reads the document of exportState. */
export function readActual(document: Value): ActualState {
  const part = (kind: Kind): ReadonlyMap<string, StateObject> => {
    const objects = ((document as StateObject)[kind] ?? {}) as Readonly<Record<string, StateObject>>
    return new Map(Object.entries(objects).map(([key, object]) => [key, wholeOf(kind, object)]))
  }
  return { flags: part('flags'), configs: part('configs'), rateLimits: part('rateLimits'), smokeChecks: part('smokeChecks') }
}

/** What has to be set, in the order of the files; what is already so is left out. */
export function findWork(desired: DesiredState, actual: ActualState): Work[] {
  return KINDS.flatMap((kind) => {
    const left = new Set(desired.leave[kind] ?? [])
    return [...desired.objects[kind]].flatMap(([key, wanted]): Work[] => {
      const before = actual[kind].get(key)
      const names = Object.keys(wanted.object).filter((name) => !before || !left.has(name))
      const fields = Object.fromEntries(names.map((name) => [name, wanted.object[name] ?? null]))
      const isSame = before && names.every((name) => isSameValue(before[name] ?? null, fields[name] ?? null))
      return isSame ? [] : [{ kind, key, wanted, fields, isNew: !before }]
    })
  })
}

/** What is below `owns` and in no file. */
export function findUnwanted(desired: DesiredState, actual: ActualState): Work[] {
  return KINDS.flatMap((kind) => {
    const owns = desired.owns[kind] ?? []
    const unwanted = [...actual[kind].keys()].filter(
      (key) => !desired.objects[kind].has(key) && owns.some((prefix) => key.startsWith(prefix)),
    )
    return unwanted.map((key): Work => ({ kind, key, wanted: undefined, fields: {}, isNew: false }))
  })
}

/** More objects than this, and more of a kind than this share, are not deleted without force. */
const BRAKE = { objects: 10, share: 0.3 }

/** The kinds of which so much would be deleted that it has to be meant. */
export function findBraked(unwanted: readonly Work[], actual: ActualState): { kind: Kind; count: number; of: number }[] {
  return KINDS.map((kind) => ({ kind, count: unwanted.filter((work) => work.kind === kind).length, of: actual[kind].size })).filter(
    ({ count, of }) => count > BRAKE.objects && count > BRAKE.share * of,
  )
}

/** The step that does some work, except for keys that hold ids; `id` is that of a rate limit that is to go. */
export function stepOf({ kind, key, wanted, fields }: Work, ids: { readonly key?: string; readonly id?: string }): Record<string, object> {
  const { step, deletion, keyFields } = KIND_SPECS[kind]
  const [scope, ...rest] = key.split(' ')
  const name = kind === 'rateLimits' ? { scope, key: ids.key ?? rest.join(' ') } : { [keyFields[0] ?? '']: key }
  if (wanted) return { [step]: { ...name, ...fields } }
  return { [deletion]: kind === 'rateLimits' ? { id: ids.id } : name }
}

/** Whether two values are the same; the order of members does not count. */
export function isSameValue(one: Value, other: Value): boolean {
  return canonical(one) === canonical(other)
}

/** A value as JSON with sorted members: the same text for the same value. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member
    return Object.fromEntries(Object.entries(member).sort(([one], [other]) => (one < other ? -1 : 1)))
  })
}
