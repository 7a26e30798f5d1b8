import type { Json, JsonFault } from '../../../core/values/json.js'
import { VALUE_LIMITS } from '../config-value.js'
import { compileLinearRegex, type LinearRegex } from './linear-regex.js'
import { mapSchemas, membersOf, patternsOf, type SchemaPlace, type SchemaPlaces, targetOf } from './schema-keywords.js'

/** The most schemas of a tree, and what compiles to as much code: 500 take about 0.1 s. */
const MAX_SCHEMAS = 500

/** The most steps that a check may take; up to 0.1 s were measured for them. */
const MAX_STEPS = 500_000
/** Characters of a text that are one step where it is only read through. */
const CHARACTERS_A_STEP = 32
/** Instructions of RE2 that so many characters pass in one step, and how many a pattern costs when it is tiny. */
const INSTRUCTIONS_A_STEP = 4
const LEAST_INSTRUCTIONS = 16
/** Steps for each value in a keyword that takes more than one: an error for each name, decimals, the expressions of formats. */
const STEPS: Readonly<Record<string, number>> = { required: 4, dependentRequired: 4, multipleOf: 8, format: 4 }

/** Keywords that only describe, or are only referred to. */
const LEFT_OUT =
  /^(?:x-.*|\$schema|\$id|\$comment|\$defs|definitions|title|description|default|examples|deprecated|readOnly|writeOnly|content.*)$/
/** Keywords whose schemas look at the value itself, or at the names in it; those of all others look at its members. */
const IN_PLACE: ReadonlySet<string> = new Set('allOf anyOf oneOf not if then else dependentSchemas propertyNames'.split(' '))

/** A schema of a tree, and what it costs. */
interface Node {
  readonly schema: Json
  /** What its own keywords take for a value of size 1. */
  steps: number
  /** Those that look at the same value, at a property of a name, and at each member. */
  readonly inPlace: Node[]
  readonly named: Map<string, Node>
  readonly members: Node[]
}

/** Looks at all of a value, as what is compared as a whole does. */
const WHOLE: Node = { schema: true, steps: 1, inPlace: [], named: new Map(), members: [] }
WHOLE.members.push(WHOLE)

/**
 * A schema without references, definitions and annotations: what a `$ref` leads to is written out in its place, also
 * where it leads back to itself, down to the greatest depth of a value. Each schema of the tree looks at a value once at
 * the most, so that the work of a check can be told before it begins.
 */
export class SchemaTree {
  /** References in a circle that do not go into the value, or too many schemas: the tree is of no use. */
  readonly faults: JsonFault[] = []
  readonly patterns = new Map<string, LinearRegex>()
  readonly #places: SchemaPlaces
  readonly #root: Node
  #schemas = 0

  /** Takes the places of a schema that has no faults. */
  constructor(places: SchemaPlaces) {
    this.#places = places
    this.#root = this.#follow('#', [], { depth: 0, targets: [] })
    if (this.#schemas <= MAX_SCHEMAS) return
    const message = `must be made of at most ${MAX_SCHEMAS} schemas, where a $ref counts as all that it leads to, on each level of a value again`
    this.faults.push({ path: [], message })
  }

  get schema(): Json {
    return this.#root.schema
  }

  /** Whether checking a value would take too long, or make too many errors. */
  isTooMuchFor(value: Json): boolean {
    return stepsOf(this.#root, value) > MAX_STEPS
  }

  #follow(ref: Json, path: readonly string[], { depth, targets }: Level): Node {
    const target = targetOf(ref) ?? ''
    const place = this.#places.get(target)
    if (place && !targets.includes(target)) return this.#write(place, { depth, targets: [...targets, target] })
    this.faults.push({ path, message: 'must not lead back to itself without going into the value' })
    return WHOLE
  }

  #write({ schema, path }: SchemaPlace, level: Level): Node {
    this.#schemas += 1
    const written: Record<string, Json> = {}
    const node: Node = { schema: typeof schema === 'boolean' ? schema : written, steps: 1, inPlace: [], named: new Map(), members: [] }
    if (level.depth > VALUE_LIMITS.maxDepth || this.#schemas > MAX_SCHEMAS) return node
    const inner: Level = { depth: level.depth + 1, targets: [] }
    const references: Node[] = []
    for (const [keyword, value] of membersOf(schema)) {
      if (LEFT_OUT.test(keyword)) continue
      if (keyword === '$ref') {
        references.push(this.#follow(value, [...path, keyword], level))
        continue
      }
      const isInPlace = IN_PLACE.has(keyword)
      const schemas = mapSchemas(keyword, value, (item, at) => {
        const below = this.#write({ schema: item, path: [...path, ...at] }, isInPlace ? level : inner)
        if (keyword === 'properties') node.named.set(at[1] ?? '', below)
        else (isInPlace ? node.inPlace : node.members).push(below)
        return below.schema
      })
      written[keyword] = schemas ?? value
      node.steps += (STEPS[keyword] ?? 1) * (schemas === undefined ? valuesOf(value) : membersOf(value).length + 1)
      for (const pattern of patternsOf(keyword, value)) node.steps += this.#compile(pattern)
      if (keyword === 'uniqueItems') node.inPlace.push(WHOLE)
      // Each is a branch of its own in the code, as a schema is.
      if (keyword === 'dependentRequired') this.#schemas += membersOf(value).length
    }
    if (references.length === 0) return node
    node.inPlace.push(...references)
    written['allOf'] = [...references.map((reference) => reference.schema), ...((written['allOf'] as Json[] | undefined) ?? [])]
    return node
  }

  /** Returns how many steps the pattern takes for a text of size 1. */
  #compile(pattern: string): number {
    const regex = this.patterns.get(pattern) ?? compileLinearRegex(pattern)
    this.patterns.set(pattern, regex)
    return Math.max(regex.size, LEAST_INSTRUCTIONS) / INSTRUCTIONS_A_STEP
  }
}

/** A depth of a value, and the references that led to it without going into the value. */
interface Level {
  readonly depth: number
  readonly targets: readonly string[]
}

/** How many values a JSON value is made of, itself included. */
function valuesOf(value: Json): number {
  if (value === null || typeof value !== 'object') return 1
  return Object.values(value).reduce((sum: number, item: Json) => sum + valuesOf(item), 1)
}

/** The steps that checking a value takes at the most; counted no further than {@link MAX_STEPS}. */
function stepsOf(node: Node, value: Json): number {
  const members = value !== null && typeof value === 'object' ? Object.entries(value) : []
  const characters = typeof value === 'string' ? value.length : members.reduce((sum, [name]) => sum + name.length, 0)
  let steps = node.steps * (1 + members.length + characters / CHARACTERS_A_STEP)
  for (const inner of node.inPlace) if (steps <= MAX_STEPS) steps += stepsOf(inner, value)
  for (const [name, member] of members) {
    const named = node.named.get(name)
    for (const below of named ? [named, ...node.members] : node.members) if (steps <= MAX_STEPS) steps += stepsOf(below, member)
  }
  return steps
}
