import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isCompositeType,
  isListType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
  type ValueNode,
  valueFromASTUntyped,
} from 'graphql'
import { lengthOf, MAX_LENGTH } from '../../core/graphql/bounds/list-length.js'
import { MAX_PAGE, USUAL_PAGE } from '../../core/graphql/connection.js'
import type { Snapshot } from '../../core/state/snapshot.js'

/** Most objects that one operation may ask for. */
export const MAX_WEIGHT = MAX_LENGTH

/** How many objects an operation can answer. */
export interface Weight {
  readonly objects: number
  /** The list that answers most of them, as a path of names in the answer. */
  readonly heaviest: { readonly path: string; readonly objects: number }
}

/** A validated operation with what its weight depends on. */
export interface WeighedOperation {
  readonly document: DocumentNode
  readonly operation: OperationDefinitionNode
  /** As they were sent, not coerced. */
  readonly variables: Readonly<Record<string, unknown>>
  readonly snapshot: Snapshot
}

/** Says how many objects an operation can answer. */
export type WeighOperation = (weighed: WeighedOperation) => Weight

/**
 * Weighs operations of a schema: every field that answers an object counts as often as the lists around it are long, which is
 * their `first` (also from a variable or a default), or what {@link lengthOf} knows. Pages themselves (connection, edge, page info)
 * are no objects. What is skipped counts nothing, what GraphQL merges counts once, and introspection is free.
 */
export function createScales(schema: GraphQLSchema): WeighOperation {
  const known = new WeakMap<OperationDefinitionNode, Weight>()
  return (weighed) => {
    const { operation } = weighed
    const remembered = known.get(operation)
    if (remembered) return remembered
    const walk = new Walk(schema, weighed)
    const weight = walk.weigh()
    // Most documents weigh the same whatever their variables hold: the read that is asked a thousand times a second is looked up.
    if (walk.isFixed) known.set(operation, weight)
    return weight
  }
}

/** Where a selection stands. */
interface Place {
  readonly path: string
  /** How often it is answered. */
  readonly times: number
  /** Items of the page that it belongs to; undefined outside of pages. */
  readonly page: number | undefined
  /** Whether its plain fields are no objects of their own: they belong to a page. */
  readonly isPage: boolean
}

class Walk {
  /** Whether the weight follows from the document alone. */
  isFixed = true
  #objects = 0
  #heaviest = { path: '', objects: 0 }
  readonly #schema: GraphQLSchema
  readonly #weighed: WeighedOperation
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>

  constructor(schema: GraphQLSchema, weighed: WeighedOperation) {
    this.#schema = schema
    this.#weighed = weighed
    const fragments = weighed.document.definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
    this.#fragments = new Map(fragments.map((fragment) => [fragment.name.value, fragment]))
  }

  weigh(): Weight {
    const { operation } = this.#weighed
    const root = this.#schema.getRootType(operation.operation)
    if (root) this.#level(root, [operation.selectionSet], { path: '', times: 1, page: undefined, isPage: false })
    return { objects: this.#objects, heaviest: this.#heaviest }
  }

  #level(type: GraphQLObjectType, sets: readonly SelectionSetNode[], place: Place): void {
    const fields = new Map<string, FieldNode[]>()
    for (const set of sets) this.#collect(set, fields)
    for (const [key, nodes] of fields) {
      const [node] = nodes
      const field = node && type.getFields()[node.name.value]
      if (field && isCompositeType(getNamedType(field.type))) this.#object(field, nodes, { ...place, key })
    }
  }

  #object(
    field: GraphQLField<unknown, unknown>,
    nodes: readonly FieldNode[],
    { key, times, page, isPage, ...around }: Place & { key: string },
  ): void {
    const path = around.path === '' ? key : `${around.path}.${key}`
    const isList = isListType(getNullableType(field.type))
    const first = isList ? undefined : this.#first(field, nodes)
    const inner = isList ? times * (page ?? this.#length(field, nodes)) : times
    // What is on a page is named by the list that the page is of, which has the `first`.
    if (isList || (first === undefined && !isPage)) this.#count(page === undefined ? path : around.path, inner, isList)
    const type = getNamedType(field.type)
    const sets = nodes.flatMap(({ selectionSet }) => selectionSet ?? [])
    // Below `edges` stands the node, which the edge was counted for.
    const isEdge = page !== undefined && isList && field.name === 'edges'
    if (isObjectType(type)) this.#level(type, sets, { path, times: inner, page: first, isPage: first !== undefined || isEdge })
  }

  #count(path: string, objects: number, isList: boolean): void {
    this.#objects += objects
    if (isList && objects > this.#heaviest.objects) this.#heaviest = { path, objects }
  }

  /** The size of the page that a connection is asked for; undefined for any other field. */
  #first({ args }: GraphQLField<unknown, unknown>, [node]: readonly FieldNode[]): number | undefined {
    const first = args.find(({ name }) => name === 'first')
    if (!first) return undefined
    const asked = this.#argument(first, node) ?? USUAL_PAGE
    // Whatever is not the size of a page is refused by whoever cuts it.
    return typeof asked === 'number' ? Math.min(Math.max(asked, 0), MAX_PAGE) : MAX_PAGE
  }

  #length({ args, extensions }: GraphQLField<unknown, unknown>, [node]: readonly FieldNode[]): number {
    const length = lengthOf(extensions)
    if (typeof length === 'number') return length
    this.isFixed = false
    // Arguments are as they were sent: what is no length counts nothing, and is refused by whoever reads it.
    const held = Number(length(Object.fromEntries(args.map((arg) => [arg.name, this.#argument(arg, node)])), this.#weighed.snapshot))
    return held > 0 ? held : 0
  }

  #argument({ name, defaultValue }: GraphQLArgument, node: FieldNode | undefined): unknown {
    const value = node?.arguments?.find((argument) => argument.name.value === name)?.value
    const read = value && this.#value(value)
    return read === undefined ? defaultValue : read
  }

  #value(value: ValueNode): unknown {
    if (value.kind === Kind.VARIABLE) return this.#variable(value.name.value)
    return value.kind === Kind.LIST ? value.values.map((item) => this.#value(item)) : valueFromASTUntyped(value)
  }

  #variable(name: string): unknown {
    this.isFixed = false
    const { variables, operation } = this.#weighed
    if (Object.hasOwn(variables, name)) return variables[name]
    const definition = operation.variableDefinitions?.find(({ variable }) => variable.name.value === name)
    return definition?.defaultValue && valueFromASTUntyped(definition.defaultValue)
  }

  /** All fields of a level, by their keys in the answer, with fragments written out. */
  #collect({ selections }: SelectionSetNode, fields: Map<string, FieldNode[]>): void {
    for (const selection of selections) {
      if (!this.#isIncluded(selection)) continue
      if (selection.kind === Kind.FIELD) {
        const key = (selection.alias ?? selection.name).value
        const nodes = fields.get(key)
        if (nodes) nodes.push(selection)
        else fields.set(key, [selection])
      } else {
        const set =
          selection.kind === Kind.INLINE_FRAGMENT ? selection.selectionSet : this.#fragments.get(selection.name.value)?.selectionSet
        if (set) this.#collect(set, fields)
      }
    }
  }

  #isIncluded({ directives = [] }: SelectionNode): boolean {
    return directives.every(({ name, arguments: [condition] = [] }) => {
      if (name.value !== 'skip' && name.value !== 'include') return true
      const value = condition?.value
      const holds = value?.kind === Kind.VARIABLE ? this.#variable(value.name.value) : value?.kind === Kind.BOOLEAN && value.value
      return name.value === 'skip' ? holds !== true : holds !== false
    })
  }
}
