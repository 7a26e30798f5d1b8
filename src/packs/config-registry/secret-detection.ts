import type { Json } from '../../core/json.js'
import { isSecretName, looksRandom, SHAPE_RULES } from './secret-shapes.js'

/** Something in an entry that looks like a secret. */
export interface SecretFinding {
  /**
   * Where, below `input`: `['key']`, or `['value', ...]` with property names and indices. Ends at the object when a
   * property name is itself the secret, so that the path never shows one.
   */
  readonly path: readonly string[]
  /** What found it: a rule of ours, or `secretlint-<rule>`. */
  readonly rule: string
  /** Words that never hold anything of the value. */
  readonly message: string
}

/** The most findings that are reported. */
const MAX_FINDINGS = 20

/** A text to look at: a string of the value, a property name, or the key. */
interface Place {
  readonly path: readonly string[]
  readonly text: string
  /** What the text is called, for rules that want to know; empty for a name. */
  readonly label: string
  /** Whether a name above it says that it is secret. */
  readonly isNamedSecret: boolean
}

/**
 * What in an entry looks like a secret, at most one finding for each place and 20 in all. Looks at the key, every
 * string and every property name: first the shapes of {@link SHAPE_RULES}, then strings under a name like `password`
 * or `token` (in the key or any property name above) that {@link looksRandom}, then secretlint's recommended rules,
 * which are loaded when they are first needed. Not seen: secrets that are encoded, split up, or shaped like words.
 *
 * The caller has checked the value's size and depth. Never rejects because of what the value holds.
 */
export async function findSecrets(key: string, value: Json): Promise<SecretFinding[]> {
  const places = placesOf(key, value)
  const found = new Map<Place, SecretFinding>()
  for (const place of places) {
    const finding = findShape(place)
    if (finding) found.set(place, finding)
  }
  for (const [place, rule] of await lintPlaces(places)) {
    if (!found.has(place)) found.set(place, { path: place.path, rule, message: `holds what looks like a secret (${rule})` })
  }
  const secretNames = [...found.keys()].filter((place) => place.label === '').map((place) => place.text)
  const findings = places.map((place) => found.get(place)).filter((finding) => finding !== undefined)
  return withoutRepeats(findings.map((finding) => ({ ...finding, path: cutAtName(finding.path, new Set(secretNames)) }))).slice(0, MAX_FINDINGS)
}

/** The key, then every string and property name, in the order of the document. */
function placesOf(key: string, value: Json): Place[] {
  const places: Place[] = [{ path: ['key'], text: key, label: '', isNamedSecret: false }]
  const open: { path: readonly string[]; value: Json; label: string; isNamedSecret: boolean }[] = [
    { path: ['value'], value, label: key.split(/[./]/).at(-1) ?? key, isNamedSecret: isSecretName(key) },
  ]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { path, value: current, label, isNamedSecret } = next
    if (typeof current === 'string') places.push({ path, text: current, label, isNamedSecret })
    if (current === null || typeof current !== 'object') continue
    const isArray = Array.isArray(current)
    const members = Object.entries(current as Readonly<Record<string, Json>>)
    if (!isArray) for (const [name] of members) places.push({ path, text: name, label: '', isNamedSecret: false })
    for (const [name, member] of members.reverse()) {
      const isNamed = isNamedSecret || (!isArray && isSecretName(name))
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
  const index = path.findIndex((segment, position) => position > 0 && secretNames.has(segment))
  return index < 0 ? path : path.slice(0, index)
}

function withoutRepeats(findings: readonly SecretFinding[]): SecretFinding[] {
  return [...new Map(findings.map((finding) => [JSON.stringify([finding.path, finding.rule]), finding])).values()]
}

/**
 * Secretlint over all places at once, as lines of `label="text"`; returns the rule for each place where one matched.
 * Its rule that obeys `secretlint-disable` comments is left out: a value must not switch the check off.
 */
async function lintPlaces(places: readonly Place[]): Promise<Map<Place, string>> {
  const [{ lintSource }, { rules }] = await Promise.all([
    import('@secretlint/core'),
    import('@secretlint/secretlint-rule-preset-recommend'),
  ])
  const lines = places.map((place) => `${place.label}="${place.text}"\n`)
  const result = await lintSource({
    source: { content: lines.join(''), filePath: 'value.txt', ext: '.txt', contentType: 'text' },
    options: {
      noPhysicFilePath: true,
      maskSecrets: true,
      config: { rules: rules.filter(({ meta }) => !meta.id.endsWith('-filter-comments')).map((rule) => ({ id: rule.meta.id, rule })) },
    },
  })
  const ends: number[] = []
  for (const line of lines) ends.push((ends.at(-1) ?? 0) + line.length)
  const found = new Map<Place, string>()
  for (const message of result.messages) {
    const place = places[ends.findIndex((end) => end > message.range[0])]
    const rule = `secretlint-${message.ruleId.replace('@secretlint/secretlint-rule-', '')}`
    if (place && !found.has(place)) found.set(place, rule)
  }
  return found
}
