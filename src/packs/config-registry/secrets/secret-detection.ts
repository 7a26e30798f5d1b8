import type { Json } from '../../../core/values/json.js'
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
 * What in a part of an entry looks like a secret, at most one finding for each place and 20 in all. Looks at every string
 * and every property name, beside a value also at the key: first the shapes of {@link SHAPE_RULES}, then strings under a
 * name like `password` or `token` (in the key or any property name above) that {@link looksRandom}, then secretlint's
 * recommended rules, which are loaded when they are first needed. Not seen: secrets that are encoded, split up, or shaped
 * like words.
 *
 * The caller has checked the value's size and depth. Never rejects because of what the value holds.
 */
export async function findSecrets(key: string, value: Json, subject: SecretSubject = 'value'): Promise<SecretFinding[]> {
  const places = placesOf(key, value, subject)
  const found = new Map<Place, SecretFinding>()
  for (const place of places) {
    const finding = findShape(place)
    if (finding) found.set(place, finding)
  }
  for (const [place, rule] of await lintPlaces(places)) {
    if (!found.has(place)) found.set(place, { path: place.path, rule, message: `holds what looks like a secret (${rule})` })
  }
  const names = new Set([...found.keys()].filter((place) => place.label === null).map((place) => place.text))
  const findings = places.map((place) => found.get(place)).filter((finding) => finding !== undefined)
  return withoutRepeats(findings.map((finding) => ({ ...finding, path: cutAtName(finding.path, names) }))).slice(0, MAX_FINDINGS)
}

/** The key, then every string and property name, in the order of the document. */
function placesOf(key: string, value: Json, subject: SecretSubject): Place[] {
  const places: Place[] = subject === 'value' ? [{ path: [], text: key, label: null, isNamedSecret: false }] : []
  const open: { path: readonly string[]; value: Json; label: string; isNamedSecret: boolean }[] = [
    { path: [], value, label: key.split(/[./]/).at(-1) ?? key, isNamedSecret: isSecretName(key) },
  ]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { path, value: current, label, isNamedSecret } = next
    if (typeof current === 'string') places.push({ path, text: current, label, isNamedSecret })
    if (current === null || typeof current !== 'object') continue
    const isArray = Array.isArray(current)
    const members = Object.entries(current as Readonly<Record<string, Json>>)
    if (!isArray) for (const [name] of members) places.push({ path, text: name, label: null, isNamedSecret: false })
    for (const [name, member] of members.reverse()) {
      const isSyntax =
        subject === 'valueSchema' && !isArray && SCHEMA_SYNTAX.has(name) && (typeof member !== 'object' || Array.isArray(member))
      const isNamed = !isSyntax && (isNamedSecret || (!isArray && isSecretName(name)))
      open.push({ path: [...path, name], value: member, label: isArray ? label : name, isNamedSecret: isNamed })
    }
  }
  return places
}

function findShape(place: Place): SecretFinding | undefined {
  const known = SHAPE_RULES.find((rule) => rule.isIn(place.text))
  if (known) return { path: place.path, rule: known.rule, message: known.message }
  if (!place.isNamedSecret || !looksRandom(place.text)) return undefined
  return { path: place.path, rule: 'named-secret', message: 'has a name that says it is secret, and a value that looks generated' }
}

/** A path up to the object of which a property name is a secret. */
function cutAtName(path: readonly string[], secretNames: ReadonlySet<string>): readonly string[] {
  const index = path.findIndex((segment) => secretNames.has(segment))
  return index < 0 ? path : path.slice(0, index)
}

function withoutRepeats(findings: readonly SecretFinding[]): SecretFinding[] {
  return [...new Map(findings.map((finding) => [JSON.stringify([finding.path, finding.rule]), finding])).values()]
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
  return { lintSource, rules }
}

/** Secretlint over all places at once, as lines of `label="text"`; returns the rule for each place where one matched. */
async function lintPlaces(places: readonly Place[]): Promise<Map<Place, string>> {
  secretlint ??= loadSecretlint()
  const { lintSource, rules } = await secretlint
  const lines = places.map((place) => `${place.label ?? ''}="${place.text}"\n`)
  const result = await lintSource({
    source: { content: lines.join(''), filePath: 'value.txt', ext: '.txt', contentType: 'text' },
    options: {
      noPhysicFilePath: true,
      maskSecrets: true,
      config: { rules: rules.filter(({ meta }) => !LEFT_OUT.test(meta.id)).map((rule) => ({ id: rule.meta.id, rule })) },
    },
  })
  const ends: number[] = []
  for (const line of lines) ends.push((ends.at(-1) ?? 0) + line.length)
  const found = new Map<Place, string>()
  for (const { range, ruleId } of result.messages) {
    const index = ends.findIndex((end) => end > range[0])
    const place = places[index]
    // A label is a place of its own, where the same match is found again.
    const isInLabel = range[1] <= (ends[index - 1] ?? 0) + (place?.label ?? '').length
    if (place && !isInLabel && !found.has(place)) found.set(place, ruleId.replace('@secretlint/secretlint-rule-', 'secretlint-'))
  }
  return found
}
