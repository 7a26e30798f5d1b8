import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
} from 'graphql'
import type { Draw } from './draw.js'
import { drawValue, literalOf } from './values.js'

/** A document, and what its variables are. */
export interface AnyDocument {
  readonly text: string
  readonly variables: readonly { readonly name: string; readonly type: GraphQLInputType }[]
  /** Of its operations; empty where the only one has no name. */
  readonly names: readonly string[]
  readonly isSubscription: boolean
}

export type DocumentKind = 'query' | 'mutation' | 'subscription'

/** Levels of objects below a root field. */
const MAX_DEPTH = 3
/**
 * What cannot be compared: what takes as long as it takes, by a clock that cannot be stopped; and what counts requests, since over a
 * socket whatever is refused before it is an operation is none.
 */
export const INCOMPARABLE: ReadonlySet<string> = new Set(['runSmokeTest', 'requestRates'])

/** Writes a document of one or two operations; seldom one with a fault. */
export function writeDocument(draw: Draw, schema: GraphQLSchema, kind: DocumentKind): AnyDocument {
  const writer = new Writer(draw, schema)
  const count = draw.chance(12) ? 2 : 1
  const names = count === 2 || draw.chance(30) ? ['A', 'B'].slice(0, count) : []
  const operations = Array.from({ length: count }, (_, index) => writer.operation(index === 0 ? kind : 'query', names[index] ?? ''))
  const text = [...operations, ...writer.fragments].join('\n')
  return { text: draw.chance(6) ? spoil(draw, text) : text, variables: writer.variables, names, isSubscription: kind === 'subscription' }
}

/** Makes a document wrong: in its syntax, or against the schema. */
function spoil(draw: Draw, text: string): string {
  const brace = text.indexOf('{', text.indexOf(')') > text.indexOf('{') ? 0 : Math.max(0, text.indexOf(')')))
  const begin = text.slice(0, brace + 1)
  const rest = text.slice(brace + 1)
  const wrong: Readonly<Record<string, () => string>> = {
    cut: () => text.slice(0, draw.below(text.length)),
    field: () => `${begin} nope ${rest}`,
    argument: () => `${begin} viewer(nope: 1) { role } ${rest}`,
    variable: () => `${begin} featureFlag(key: $nope) { key } ${rest}`,
    fragment: () => `${begin} ...Nope ${rest}`,
    unused: () => `${text} fragment Unused on Query { __typename }`,
    directive: () => `${begin} __typename @nope ${rest}`,
    deep: () => `${begin} ${'viewer { '.repeat(20)}role${' }'.repeat(20)} ${rest}`,
    leaf: () => `${begin} viewer ${rest}`,
  }
  return wrong[draw.pick(Object.keys(wrong))]?.() ?? text
}

class Writer {
  readonly fragments: string[] = []
  readonly #draw: Draw
  readonly #schema: GraphQLSchema
  #variables: { name: string; type: GraphQLInputType; written: string }[] = []
  readonly #all: { name: string; type: GraphQLInputType }[] = []
  #count = 0

  constructor(draw: Draw, schema: GraphQLSchema) {
    this.#draw = draw
    this.#schema = schema
  }

  get variables(): AnyDocument['variables'] {
    return this.#all
  }

  operation(kind: DocumentKind, name: string): string {
    const types = {
      query: this.#schema.getQueryType(),
      mutation: this.#schema.getMutationType(),
      subscription: this.#schema.getSubscriptionType(),
    }
    const root = types[kind] as GraphQLObjectType
    this.#variables = []
    const count = kind === 'subscription' ? 1 : 1 + (this.#draw.chance(35) ? this.#draw.below(3) : 0)
    const fields = Object.values(root.getFields()).filter((field) => !INCOMPARABLE.has(field.name))
    const chosen = Array.from({ length: count }, () => this.#draw.pick(fields))
    const selection = this.#wrap(root, this.#written(chosen, 0), kind !== 'subscription')
    const definitions = this.#variables.map(({ name: variable, written }) => `$${variable}: ${written}`).join(', ')
    const head = kind === 'query' && name === '' && definitions === '' ? '' : `${kind} ${name}${definitions && `(${definitions})`} `
    return `${head}${selection}`
  }

  /** A selection of these fields, each under a name of its own. */
  #written(fields: readonly GraphQLField<unknown, unknown>[], depth: number): string[] {
    const taken = new Set<string>()
    return fields.map((field) => {
      const isAliased = taken.has(field.name) || this.#draw.chance(12)
      this.#count += 1
      const alias = isAliased ? `a${this.#count}: ` : ''
      taken.add(field.name)
      return `${alias}${this.#field(field, depth)}`
    })
  }

  #field(field: GraphQLField<unknown, unknown>, depth: number): string {
    const given = field.args.filter((argument) => isRequiredArgument(argument) || this.#draw.chance(40))
    const args = given.map((argument) => `${argument.name}: ${this.#argument(argument)}`).join(', ')
    const named = getNamedType(field.type)
    const inner = isObjectType(named) ? ` ${this.#selection(named, depth + 1)}` : ''
    return `${field.name}${args && `(${args})`}${this.#condition()}${inner}`
  }

  #argument({ name, type }: GraphQLArgument): string {
    if (this.#draw.chance(45)) return `$${this.#variable(type, name)}`
    return literalOf(drawValue(this.#draw, type, name), type)
  }

  #variable(type: GraphQLInputType, name: string, standard = this.#draw.chance(10)): string {
    this.#count += 1
    const variable = `${name}${this.#count}`
    const value = standard ? ` = ${literalOf(drawValue(this.#draw, type, name), type)}` : ''
    this.#variables.push({ name: variable, type, written: `${type}${value}` })
    this.#all.push({ name: variable, type })
    return variable
  }

  #condition(): string {
    if (!this.#draw.chance(4)) return ''
    const condition = this.#draw.chance(50) ? String(this.#draw.chance(50)) : `$${this.#flag()}`
    return ` @${this.#draw.pick(['skip', 'include'])}(if: ${condition})`
  }

  #flag(): string {
    this.#count += 1
    const name = `is${this.#count}`
    const type = this.#schema.getDirective('skip')?.args[0]?.type as GraphQLInputType
    this.#variables.push({ name, type, written: 'Boolean!' })
    this.#all.push({ name, type })
    return name
  }

  #selection(type: GraphQLObjectType, depth: number): string {
    const fields = Object.values(type.getFields())
    const open = fields.filter((field) => isLeafType(getNamedType(field.type)) || depth < MAX_DEPTH)
    const share = Math.min(70, 400 / open.length)
    const chosen = open.filter(() => this.#draw.chance(share))
    const written = this.#written(chosen, depth)
    if (written.length === 0 || this.#draw.chance(5)) written.push('__typename')
    // The same leaf twice is answered once.
    const leaf = chosen.find((field) => isLeafType(getNamedType(field.type)) && field.args.length === 0)
    if (leaf && this.#draw.chance(5)) written.push(leaf.name)
    return this.#wrap(type, written, true)
  }

  /** Puts a part of a selection into a fragment. */
  #wrap(type: GraphQLObjectType, written: readonly string[], isFragmented: boolean): string {
    if (!isFragmented || !this.#draw.chance(14)) return `{ ${written.join(' ')} }`
    const at = this.#draw.below(written.length)
    const [kept, moved] = [written.slice(0, at), written.slice(at)]
    const how = this.#draw.weighed({ inline: 2, bare: 1, named: 3 })
    if (how === 'named') {
      this.#count += 1
      const name = `F${this.#count}`
      this.fragments.push(`fragment ${name} on ${type.name} { ${moved.join(' ')} }`)
      return `{ ${[...kept, `...${name}${this.#condition()}`].join(' ')} }`
    }
    const on = how === 'inline' ? ` on ${type.name}` : ''
    return `{ ${kept.join(' ')} ...${on}${this.#condition()} { ${moved.join(' ')} } }`
  }
}

/** Values for the variables of a document. */
export function variablesFor(draw: Draw, { variables }: AnyDocument): Record<string, unknown> | undefined {
  const given = variables.filter(() => draw.chance(96))
  if (given.length === 0 && draw.chance(70)) return undefined
  const values = given.map(({ name, type }) => [name, drawValue(draw, type, name.replace(/\d+$/, ''))])
  return Object.fromEntries(draw.chance(3) ? [...values, ['unknown', 1]] : values)
}
