import { INPUTS } from '../../generated/graphql/inputs.js'
import { checkNames, checkType, memberOf, type Note, withDefaults } from './input-types.js'
import { API_VERSION, KIND_SPECS, KINDS, type Kind, OF_A_CHANGE, type StateObject, type Value } from './kinds.js'
import type { FileFault, Path, StateSource } from './source.js'

/** The wanted state of one object, and where it stands. */
export interface Wanted {
  readonly object: StateObject
  readonly source: StateSource
  readonly path: Path
}

/** What several files say together. */
export interface DesiredState {
  readonly objects: Readonly<Record<Kind, ReadonlyMap<string, Wanted>>>
  /** Prefixes: what begins with one of them, and is in no file, may be pruned. */
  readonly owns: Readonly<Partial<Record<Kind, readonly string[]>>>
  /** Fields that are set when an object is made, and then left to operators. */
  readonly leave: Readonly<Partial<Record<Kind, readonly string[]>>>
  /** Clients that have to be there, with their roles. */
  readonly clients: ReadonlyMap<string, { readonly role: string; readonly fault: (message: string) => FileFault }>
}

/** The fields of a kind's objects. */
export function fieldsOf(kind: Kind): readonly string[] {
  const { input, keyFields } = KIND_SPECS[kind]
  return Object.keys(INPUTS[input] ?? {}).filter((field) => !keyFields.includes(field) && !OF_A_CHANGE.has(field))
}

/** Reads files as one state; an object of a later file takes the place of the same one of an earlier file. */
export function readState(sources: readonly StateSource[]): { readonly state: DesiredState; readonly faults: readonly FileFault[] } {
  const faults: FileFault[] = []
  const objects: Record<Kind, Map<string, Wanted>> = { flags: new Map(), configs: new Map(), rateLimits: new Map(), smokeChecks: new Map() }
  const owns: Partial<Record<Kind, string[]>> = {}
  const leave: Partial<Record<Kind, string[]>> = {}
  const clients = new Map<string, { role: string; fault: (message: string) => FileFault }>()
  for (const source of sources) {
    faults.push(...source.faults)
    const root = source.value
    const note: Note = (path, message) => void faults.push(source.faultAt(path, message))
    // What could not be read would be missing somewhere else.
    if (source.faults.length > 0) continue
    if (!isObject(root)) {
      note([], `a state file is an object that begins with "apiVersion: ${API_VERSION}"`)
      continue
    }
    checkHead(root, note)
    for (const kind of KINDS) {
      for (const [key, object] of readObjects(kind, root, note)) objects[kind].set(key, { object, source, path: [kind, key] })
      owns[kind] = [...(owns[kind] ?? []), ...readTexts(root, ['owns', kind], note)]
      leave[kind] = [...(leave[kind] ?? []), ...readLeft(kind, root, note)]
    }
    for (const [name, role] of readClients(root, note)) {
      clients.set(name, { role, fault: (message) => source.faultAt(['expect', 'clients', name], message) })
    }
  }
  return { state: { objects, owns, leave, clients }, faults }
}

function isObject(value: Value | undefined): value is StateObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function checkHead(root: StateObject, note: Note): void {
  const version = memberOf(root, 'apiVersion')
  if (version !== API_VERSION) note(version === undefined ? [] : ['apiVersion'], `apiVersion must be ${API_VERSION}`)
  checkNames(root, { known: ['apiVersion', '$schema', 'owns', 'leave', 'expect', ...KINDS], path: [] }, note)
  for (const part of ['owns', 'leave']) {
    const value = memberOf(root, part)
    if (isObject(value)) checkNames(value, { known: KINDS, path: [part] }, note)
    else if (value !== undefined) note([part], 'this must be an object of lists')
  }
}

function readObjects(kind: Kind, root: StateObject, note: Note): [string, StateObject][] {
  const part = memberOf(root, kind)
  if (part === undefined || part === null) return []
  if (!isObject(part)) {
    note([kind], 'this must be an object: each member is an object by its key')
    return []
  }
  return Object.entries(part).flatMap(([key, given]): [string, StateObject][] => {
    const object = given ?? {}
    if (isObject(object)) return checkObject(kind, { key, object }, note) ? [[key, wholeOf(kind, object)]] : []
    note([kind, key], 'this must be an object of fields')
    return []
  })
}

function checkObject(kind: Kind, { key, object }: { key: string; object: StateObject }, note: Note): boolean {
  const { input, required } = KIND_SPECS[kind]
  const path = [kind, key]
  let isGood = true
  const own: Note = (at, message) => {
    isGood = false
    note(at, message)
  }
  checkNames(object, { known: fieldsOf(kind), path }, own)
  for (const field of fieldsOf(kind)) {
    const value = memberOf(object, field)
    const type = INPUTS[input]?.[field]?.type ?? ''
    if (value !== undefined && value !== null) checkType(type, { value, path: [...path, field] }, own)
    else if (required.includes(field)) own(value === undefined ? path : [...path, field], `${field} is missing`)
  }
  if (kind === 'rateLimits' && !SCOPED.test(key))
    own(path, `the key of a rate limit is its scope and its key, such as "GLOBAL *" or "API_KEY client:web-shop"`)
  return isGood
}

const SCOPED = /^(IP|USER|API_KEY|GLOBAL) \S/

/** An object with all of its fields: what is left out, or empty, has its default. */
export function wholeOf(kind: Kind, object: StateObject): StateObject {
  const { input, defaults } = KIND_SPECS[kind]
  const fallback = defaults(object)
  const fields = fieldsOf(kind).map((field): [string, Value] => {
    const value = memberOf(object, field) ?? fallback[field] ?? null
    return [field, withDefaults(INPUTS[input]?.[field]?.type ?? '', value)]
  })
  return Object.fromEntries(fields)
}

function readTexts(root: StateObject, [part, kind]: readonly [string, Kind], note: Note): string[] {
  const section = memberOf(root, part)
  const list = isObject(section) ? memberOf(section, kind) : undefined
  if (list === undefined || list === null) return []
  if (Array.isArray(list) && list.every((item) => typeof item === 'string' && item !== '')) return list as string[]
  note([part, kind], 'this must be a list of texts, none of them empty')
  return []
}

function readLeft(kind: Kind, root: StateObject, note: Note): string[] {
  const left = readTexts(root, ['leave', kind], note)
  for (const [index, field] of left.entries()) {
    if (!fieldsOf(kind).includes(field))
      note(['leave', kind, index], `there is no field "${field}"; there are ${fieldsOf(kind).join(', ')}`)
  }
  return left
}

function readClients(root: StateObject, note: Note): [string, string][] {
  const expect = memberOf(root, 'expect')
  if (expect === undefined) return []
  const clients = isObject(expect) ? memberOf(expect, 'clients') : undefined
  if (isObject(expect)) checkNames(expect, { known: ['clients'], path: ['expect'] }, note)
  if (!isObject(clients)) {
    note(['expect'], 'this must hold clients, each with a role')
    return []
  }
  return Object.entries(clients).flatMap(([name, client]): [string, string][] => {
    const role = isObject(client) ? memberOf(client, 'role') : undefined
    if (typeof role === 'string') return [[name, role]]
    note(['expect', 'clients', name], 'this must be an object with a role, such as { role: SERVER }')
    return []
  })
}
