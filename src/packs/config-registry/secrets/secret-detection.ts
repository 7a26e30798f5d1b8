import type { Json, JsonObject } from '../../../core/values/json.js'
import { isSecretName, looksRandom, SHAPE_RULES } from './secret-shapes.js'

/** Something in an entry that looks like a secret. */
export interface SecretFinding {
  /**
   * Where in the value, as property names and indices; empty for the value as a whole and for the key. Ends at the
   * object when a property name is itself the secret, so that the path never shows one.
   */
  readonly path: readonly string[]
  /** What found it: a rule of ours, or `secretlint-<rule>`. */
  readonly rule: string
  /** Words that never hold anything of the value. */
  readonly message: string
}

/**
 * Rules of secretlint that are left out: one obeys `secretlint-disable` comments, and a value must not switch the check
 * off; two find passwords in URLs, which a rule of ours does with more placeholders let through.
 */
const LEFT_OUT = /-(?:filter-comments|basicauth|database-connection-string)$/

/** Keywords of JSON Schema whose texts are syntax and names: under `password` they look generated, and are not. */
const SCHEMA_SYNTAX: ReadonlySet<string> = new Set(
  '$schema $id $ref pattern format type required contentEncoding contentMediaType'.split(' '),
)

/** What is looked at: the value of an entry with its key, or another part of the entry. */
export type SecretSubject = 'value' | 'description' | 'valueSchema'

/** The most findings that are reported. */
const MAX_FINDINGS = 20

type Finding = Omit<SecretFinding, 'path'>

/** A text to look at: a string of the value, a property name, or the key. */
interface Place {
  readonly path: readonly string[]
  readonly text: string
  /** What the text is called, for rules that want to know; null when it is a name itself. */
  readonly label: string | null
  /** Whether a name above it says that it is secret. */
  readonly isNamedSecret: boolean
}

/**
 * What in a part of an entry looks like a secret, at most one finding for each place and 20 in all. Looks at every string and
 * every property name, beside a value also at the key: first the shapes of {@link SHAPE_RULES}, then strings under a name like
 * `password` or `token` (in the key or any property name above) that {@link looksRandom}, then secretlint's recommended rules,
 * which are loaded when they are first needed. Not seen: secrets that are encoded, split up, or shaped like words.
 *
 * The caller has checked the value's size and depth. Never rejects because of what the value holds.
 */
export async function findSecrets(key: string, value: Json, subject: SecretSubject = 'value'): Promise<SecretFinding[]> {
  const root: Place = { path: [], text: key, label: key.split(/[./]/).at(-1) ?? key, isNamedSecret: isSecretName(key) }
  const places = [...textsIn(value, root, subject)]
  if (subject === 'value') places.unshift({ ...root, label: null, isNamedSecret: false })
  const linted = await lintPlaces(places)
  const found = places.flatMap((place) => {
    const finding = findShape(place) ?? linted.get(place)
    return finding ? [{ ...finding, place }] : []
  })
  const names = new Set(found.filter(({ place }) => place.label === null).map(({ place }) => place.text))
  const findings = new Map<string, SecretFinding>()
  for (const { place, rule, message } of found) {
    const end = place.path.findIndex((segment) => names.has(segment))
    const path = end < 0 ? place.path : place.path.slice(0, end)
    findings.set(JSON.stringify([path, rule]), { path, rule, message })
  }
  return [...findings.values()].slice(0, MAX_FINDINGS)
}

/** Every string and property name of a value that stands at a place, in the order of the document. */
function* textsIn(value: Json, { path, label, isNamedSecret, text }: Place, subject: SecretSubject): Generator<Place> {
  if (typeof value === 'string') yield { path, text: value, label, isNamedSecret }
  if (value === null || typeof value !== 'object') return
  const members = Object.entries(value as JsonObject)
  if (Array.isArray(value)) {
    for (const [index, item] of members) yield* textsIn(item, { path: [...path, index], text, label, isNamedSecret }, subject)
    return
  }
  for (const [name] of members) yield { path, text: name, label: null, isNamedSecret: false }
  for (const [name, member] of members) {
    const isSyntax = subject === 'valueSchema' && SCHEMA_SYNTAX.has(name) && (typeof member !== 'object' || Array.isArray(member))
    const isNamed = !isSyntax && (isNamedSecret || isSecretName(name))
    yield* textsIn(member, { path: [...path, name], text: name, label: name, isNamedSecret: isNamed }, subject)
  }
}

function findShape({ text, isNamedSecret }: Place): Finding | undefined {
  const [rule, noun] = SHAPE_RULES.find(([, , isIn]) => isIn(text)) ?? []
  if (rule !== undefined) return { rule, message: `holds ${noun}` }
  if (!isNamedSecret || !looksRandom(text)) return undefined
  return { rule: 'named-secret', message: 'has a name that says it is secret, and a value that looks generated' }
}

let secretlint: ReturnType<typeof loadSecretlint> | undefined

/** Loads secretlint, and stops its profiler: that keeps every mark for ever, and searches all of them at each one. */
async function loadSecretlint() {
  const [{ lintSource }, { rules }, { secretLintProfiler }] = await Promise.all([
    import('@secretlint/core'),
    import('@secretlint/secretlint-rule-preset-recommend'),
    import('@secretlint/profiler'),
  ])
  secretLintProfiler.mark = () => undefined
  return { lintSource, rules: rules.filter(({ meta }) => !LEFT_OUT.test(meta.id)).map((rule) => ({ id: rule.meta.id, rule })) }
}

/** Secretlint over all places at once, as lines of `label="text"`; returns the finding for each place where a rule matched. */
async function lintPlaces(places: readonly Place[]): Promise<Map<Place, Finding>> {
  secretlint ??= loadSecretlint()
  const { lintSource, rules } = await secretlint
  const lines = places.map(({ label, text }) => `${label ?? ''}="${text}"\n`)
  const result = await lintSource({
    source: { content: lines.join(''), filePath: 'value.txt', ext: '.txt', contentType: 'text' },
    options: { noPhysicFilePath: true, maskSecrets: true, config: { rules } },
  })
  const found = new Map<Place, Finding>()
  for (const { range, ruleId } of result.messages) {
    let end = 0
    const index = lines.findIndex((line) => {
      end += line.length
      return end > range[0]
    })
    const place = places[index]
    const rule = ruleId.replace('@secretlint/secretlint-rule-', 'secretlint-')
    // A label is a place of its own, where the same match is found again.
    const isInLabel = range[1] <= end - (lines[index] ?? '').length + (place?.label ?? '').length
    if (place && !isInLabel && !found.has(place)) found.set(place, { rule, message: `holds what looks like a secret (${rule})` })
  }
  return found
}
