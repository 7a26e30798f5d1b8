import { type ASTVisitor, GraphQLError, Kind, type OperationDefinitionNode, type SelectionNode, type SelectionSetNode, type ValidationContext } from 'graphql'

/** What one document may ask for. Counts hold with every fragment written out where it is used. */
export const LIMITS = {
  /** Lexical tokens of a document; checked while it is parsed. The standard introspection query has fewer than 200. */
  tokens: 2_000,
  /** Levels of fields. */
  depth: 12,
  /** Levels of fields below `__schema` and `__type`; the standard introspection query has 15. */
  introspectionDepth: 20,
  /** Fields of the root type. */
  rootFields: 20,
  /** Aliases, of `__typename` too. */
  aliases: 30,
  directives: 50,
  /** Fields of all levels. */
  fields: 1_000,
} as const

/** How large a part of an operation is, with its fragments written out. */
interface Size {
  depth: number
  introspectionDepth: number
  rootFields: number
  aliases: number
  directives: number
  fields: number
}

const WORDS: Readonly<Record<keyof Size, string>> = {
  depth: 'levels of fields',
  introspectionDepth: 'levels of introspection fields',
  rootFields: 'root fields',
  aliases: 'aliases',
  directives: 'directives',
  fields: 'fields',
}

/**
 * Validation rule: refuses operations that are larger than {@link LIMITS}. Every fragment is measured once, however often
 * it is used, so that the time is proportional to the document's length while the counts are those of the written-out
 * operation.
 */
export function operationLimits(context: ValidationContext): ASTVisitor {
  const measure = new Measure(context)
  return {
    OperationDefinition(operation) {
      const size = measure.operation(operation)
      for (const limit of Object.keys(WORDS) as (keyof Size)[]) {
        if (size[limit] <= LIMITS[limit]) continue
        const message = `The operation has ${size[limit]} ${WORDS[limit]} (fragments written out); at most ${LIMITS[limit]} are allowed.`
        context.reportError(new GraphQLError(message, { nodes: operation, extensions: { limit, allowed: LIMITS[limit], actual: size[limit] } }))
      }
      return false
    },
  }
}

class Measure {
  readonly #context: ValidationContext
  readonly #fragments = new Map<string, Readonly<Size>>()

  constructor(context: ValidationContext) {
    this.#context = context
  }

  operation({ directives, variableDefinitions, selectionSet }: OperationDefinitionNode): Size {
    const size = this.#selections(selectionSet)
    size.directives += directives?.length ?? 0
    for (const variable of variableDefinitions ?? []) size.directives += variable.directives?.length ?? 0
    return size
  }

  #selections(set: SelectionSetNode | undefined): Size {
    const size: Size = { depth: 0, introspectionDepth: 0, rootFields: 0, aliases: 0, directives: 0, fields: 0 }
    for (const selection of set?.selections ?? []) this.#add(size, selection)
    return size
  }

  #add(size: Size, selection: SelectionNode): void {
    const inner = selection.kind === Kind.FRAGMENT_SPREAD ? this.#fragment(selection.name.value) : this.#selections(selection.selectionSet)
    size.aliases += inner.aliases
    size.directives += inner.directives + (selection.directives?.length ?? 0)
    size.fields += inner.fields
    if (selection.kind !== Kind.FIELD) {
      size.rootFields += inner.rootFields
      size.depth = Math.max(size.depth, inner.depth)
      size.introspectionDepth = Math.max(size.introspectionDepth, inner.introspectionDepth)
      return
    }
    const isIntrospection = selection.name.value === '__schema' || selection.name.value === '__type'
    size.rootFields += 1
    size.fields += 1
    if (selection.alias) size.aliases += 1
    size.depth = Math.max(size.depth, isIntrospection ? 1 : inner.depth + 1)
    size.introspectionDepth = Math.max(size.introspectionDepth, isIntrospection ? inner.depth : inner.introspectionDepth)
  }

  #fragment(name: string): Readonly<Size> {
    const known = this.#fragments.get(name)
    if (known) return known
    // A fragment that uses itself is refused by another rule; here it counts as empty, so that the walk ends.
    this.#fragments.set(name, this.#selections(undefined))
    const fragment = this.#context.getFragment(name)
    const size = this.#selections(fragment?.selectionSet)
    size.directives += fragment?.directives?.length ?? 0
    this.#fragments.set(name, size)
    return size
  }
}
