import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getArgumentValues,
  getNamedType,
  getNullableType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  TypeNameMetaFieldDef,
  visit,
} from 'graphql'
import { type CountedLeaf, uncounted } from '../../../core/graphql/bounds/bound-answers.js'
import type { RequestContext } from '../../../core/graphql/context.js'

/** How a value is answered: what its type says, one level at a time. */
export interface ValuePlan {
  readonly field: FieldPlan
  readonly isNullable: boolean
  /** Of a list. */
  readonly items: ValuePlan | undefined
  /** Of a leaf. */
  readonly leaf: GraphQLLeafType | undefined
}

/** A field of an operation, with all that does not change from call to call. */
export interface FieldPlan {
  /** Its name in the answer. */
  readonly key: string
  readonly field: GraphQLField<unknown, unknown>
  readonly nodes: readonly FieldNode[]
  readonly parentType: GraphQLObjectType
  readonly value: ValuePlan
  /** Undefined where the field is the property of its name. */
  readonly resolve: GraphQLFieldResolver<unknown, RequestContext> | undefined
  /** Where its bytes are counted while the answer is put together. */
  readonly counted: CountedLeaf | undefined
  /** Undefined where they depend on variables. */
  readonly args: Readonly<Record<string, unknown>> | undefined
  /** Fields of its objects; none for a leaf. */
  readonly inner: readonly FieldPlan[]
}

/** A query with all that does not change from call to call. */
export interface Plan {
  readonly schema: GraphQLSchema
  readonly operation: OperationDefinitionNode
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>
  readonly fields: readonly FieldPlan[]
}

/** Something that plans do not know: graphql-js knows it. */
class UnplannedError extends Error {
  override readonly name = 'UnplannedError'
}

/**
 * The plan of a valid query; undefined where graphql-js alone knows how it is executed: mutations and subscriptions, directives,
 * introspection, interfaces and unions.
 */
export function planOf(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode): Plan | undefined {
  const root = schema.getQueryType()
  if (operation.operation !== 'query' || !root || hasDirectives(document)) return undefined
  const definitions = document.definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
  const fragments = Object.fromEntries(definitions.map((definition) => [definition.name.value, definition]))
  try {
    const fields = fieldsOf(root, [operation.selectionSet], { schema, fragments })
    return { schema, operation, fragments, fields }
  } catch (error) {
    // Arguments that cannot be read are told of by graphql-js.
    if (error instanceof UnplannedError || error instanceof GraphQLError) return undefined
    throw error
  }
}

function hasDirectives(document: DocumentNode): boolean {
  let isFound = false
  visit(document, {
    Directive() {
      isFound = true
    },
  })
  return isFound
}

type Parts = Pick<Plan, 'schema' | 'fragments'>

function fieldsOf(type: GraphQLObjectType, sets: readonly SelectionSetNode[], parts: Parts): FieldPlan[] {
  const collected = new Map<string, FieldNode[]>()
  const search = { ...parts, collected, visited: new Set<string>() }
  for (const set of sets) collect(type, set, search)
  return [...collected].map(([key, nodes]) => fieldOf(type, { key, nodes }, parts))
}

/** As graphql-js collects the fields of an object, without directives. */
function collect(
  type: GraphQLObjectType,
  { selections }: SelectionSetNode,
  search: Parts & { readonly collected: Map<string, FieldNode[]>; readonly visited: Set<string> },
): void {
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) {
      const key = (selection.alias ?? selection.name).value
      const nodes = search.collected.get(key)
      if (nodes) nodes.push(selection)
      else search.collected.set(key, [selection])
      continue
    }
    const fragment = selection.kind === Kind.INLINE_FRAGMENT ? selection : search.fragments[selection.name.value]
    if (selection.kind === Kind.FRAGMENT_SPREAD) {
      if (search.visited.has(selection.name.value)) continue
      search.visited.add(selection.name.value)
    }
    const condition = fragment?.typeCondition?.name.value
    // Without interfaces and unions a valid fragment is on the very type that it stands in.
    if (!fragment || (condition !== undefined && condition !== type.name)) throw new UnplannedError()
    collect(type, fragment.selectionSet, search)
  }
}

function fieldOf(parentType: GraphQLObjectType, { key, nodes }: { key: string; nodes: readonly FieldNode[] }, parts: Parts): FieldPlan {
  const [node] = nodes
  const field = node && (node.name.value === '__typename' ? TypeNameMetaFieldDef : parentType.getFields()[node.name.value])
  // A plain object that is given a property of this name is none any more.
  if (!field || key === '__proto__') throw new UnplannedError()
  const named = getNamedType(field.type)
  const isLeaf = isLeafType(named)
  if (!isLeaf && (!isObjectType(named) || named.isTypeOf)) throw new UnplannedError()
  const sets = nodes.flatMap(({ selectionSet }) => selectionSet ?? [])
  const inner = isLeaf ? [] : fieldsOf(named as GraphQLObjectType, sets, parts)
  const { resolve, isCounted } = uncounted(field)
  const counted = isCounted ? { key, isNullable: !isNonNullType(field.type) } : undefined
  const plan = { key, field, nodes, parentType, resolve, counted, args: argsOf(field, node), inner }
  return Object.assign(plan, { value: valuePlanOf(plan as unknown as FieldPlan, field.type) })
}

function valuePlanOf(field: FieldPlan, type: GraphQLOutputType): ValuePlan {
  const bare = getNullableType(type)
  return {
    field,
    isNullable: !isNonNullType(type),
    items: isListType(bare) ? valuePlanOf(field, bare.ofType) : undefined,
    leaf: isLeafType(bare) ? bare : undefined,
  }
}

/** Arguments that are the same in each call. */
function argsOf(field: GraphQLField<unknown, unknown>, node: FieldNode): Readonly<Record<string, unknown>> | undefined {
  let isVarying = false
  for (const argument of node.arguments ?? []) {
    visit(argument, {
      Variable() {
        isVarying = true
      },
    })
  }
  return isVarying ? undefined : Object.freeze(getArgumentValues(field, node))
}
