import { ENUMS, INPUTS } from '../../generated/graphql/inputs.js'
import type { StateObject, Value } from './kinds.js'
import type { Path } from './source.js'

/** Notes what is wrong at a path. */
export type Note = (path: Path, message: string) => void

/** Checks that a value is of a GraphQL type, such as "[FlagStrategyInput!]". */
export function checkType(type: string, { value, path }: { value: Value; path: Path }, note: Note): void {
  if (type.endsWith('!') && value === null) note(path, 'this must not be empty')
  if (value !== null) checkPresent(type.replace(/!$/, ''), { value, path }, note)
}

function checkPresent(type: string, { value, path }: { value: Value; path: Path }, note: Note): void {
  const known = ENUMS[type]
  if (type.startsWith('[')) checkList(type.slice(1, -1), { value, path }, note)
  else if (INPUTS[type]) checkObject(type, { value, path }, note)
  else if (known) {
    if (typeof value !== 'string' || !Object.hasOwn(known, value)) note(path, `this must be one of ${Object.keys(known).join(', ')}`)
  } else if (SCALARS[type]?.fits(value) === false) note(path, `this must be ${SCALARS[type].words}`)
}

function checkList(type: string, { value, path }: { value: Value; path: Path }, note: Note): void {
  if (!Array.isArray(value)) note(path, 'this must be a list')
  else for (const [index, item] of value.entries()) checkType(type, { value: item, path: [...path, index] }, note)
}

const SCALARS: Readonly<Record<string, { readonly words: string; readonly fits: (value: Value) => boolean }>> = {
  String: { words: 'a text', fits: (value) => typeof value === 'string' },
  ID: { words: 'a text', fits: (value) => typeof value === 'string' },
  Boolean: { words: 'true or false', fits: (value) => typeof value === 'boolean' },
  Float: { words: 'a number', fits: (value) => typeof value === 'number' },
  // The range of GraphQL's Int.
  Int: { words: 'a whole number', fits: (value) => typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 2 ** 31 },
}

function checkObject(type: string, { value, path }: { value: Value; path: Path }, note: Note): void {
  if (typeof value !== 'object' || Array.isArray(value)) {
    note(path, 'this must be an object')
    return
  }
  const fields = INPUTS[type] ?? {}
  checkNames(value as StateObject, { known: Object.keys(fields), path }, note)
  for (const [name, { type: of, default: fallback }] of Object.entries(fields)) {
    const member = memberOf(value as StateObject, name)
    if (member !== undefined) checkType(of, { value: member, path: [...path, name] }, note)
    else if (of.endsWith('!') && fallback === undefined) note(path, `${name} is missing`)
  }
}

/** Names that nobody knows, with the one that was perhaps meant. */
export function checkNames(object: StateObject, { known, path }: { known: readonly string[]; path: Path }, note: Note): void {
  for (const name of Object.keys(object)) {
    if (!known.includes(name)) note([...path, name], `there is no field "${name}" here; there are ${known.join(', ')}`)
  }
}

/** A member of an object as a file has it; undefined where it is not there. */
export function memberOf(object: StateObject, name: string): Value | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

/** A value with everything that its type has, defaults included, so that what means the same is the same. */
export function withDefaults(type: string, value: Value): Value {
  const of = type.replace(/!$/, '')
  if (value === null) return null
  if (of.startsWith('[')) return (value as readonly Value[]).map((item) => withDefaults(of.slice(1, -1), item))
  const fields = INPUTS[of]
  if (!fields) return value
  const whole = Object.entries(fields).map(([name, field]): [string, Value] => {
    const given = memberOf(value as StateObject, name) ?? ((field.default ?? null) as Value)
    return [name, withDefaults(field.type, given)]
  })
  return Object.fromEntries(whole)
}
