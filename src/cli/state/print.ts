import { INPUTS } from '../../generated/graphql/inputs.js'
import { type ActualState, canonical } from './compare.js'
import { API_VERSION, KIND_SPECS, KINDS, type Kind, type StateObject, type Value } from './kinds.js'
import { fieldsOf } from './state.js'

/** A state as the document of a file: keys sorted, and nothing that has its default. The same for the same state. */
export function toDocument(state: Partial<ActualState>): StateObject {
  const parts = KINDS.flatMap((kind): [string, Value][] => {
    const objects = [...(state[kind] ?? [])].sort(([one], [other]) => (one < other ? -1 : 1))
    return objects.length === 0 ? [] : [[kind, Object.fromEntries(objects.map(([key, object]) => [key, briefOf(kind, object)]))]]
  })
  return { apiVersion: API_VERSION, ...Object.fromEntries(parts) }
}

/** The fields of an object that differ from what they are when a file leaves them out. */
function briefOf(kind: Kind, object: StateObject): StateObject {
  const { input, defaults } = KIND_SPECS[kind]
  const fallback = defaults(object)
  const told = fieldsOf(kind).filter((field) => canonical(object[field] ?? null) !== canonical(fallback[field] ?? null))
  return Object.fromEntries(told.map((field) => [field, brief(INPUTS[input]?.[field]?.type ?? '', object[field] ?? null)]))
}

function brief(type: string, value: Value): Value {
  const of = type.replace(/!$/, '')
  if (value === null) return null
  if (of.startsWith('[')) return (value as readonly Value[]).map((item) => brief(of.slice(1, -1), item))
  const fields = INPUTS[of]
  // A JSON value is the caller's own: its members are sorted, so that the text is always the same.
  if (!fields) return JSON.parse(canonical(value)) as Value
  const told = Object.entries(fields).flatMap(([name, field]): [string, Value][] => {
    const member = (value as StateObject)[name] ?? null
    return canonical(member) === canonical(field.default ?? null) ? [] : [[name, brief(field.type, member)]]
  })
  return Object.fromEntries(told)
}
