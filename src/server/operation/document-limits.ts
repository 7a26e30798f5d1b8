import {
  type ASTNode,
  type DefinitionNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql'

/** What one document may ask for. Counts hold with every fragment written out where it is used. */
export const DOCUMENT_LIMITS = {
  /** Lexical tokens of a document; checked while it is parsed. The standard introspection query has fewer than 200. */
  tokens: 2_000,
  /** Levels of fields. */
  depth: 12,
  /** Levels of fields below `__schema` and `__type`; the standard introspection query has 15. */
  introspectionDepth: 20,
  /** Lists that come in pages (`nodes`, `edges`) within each other: every level multiplies the answer by up to a hundred. */
  pages: 2,
  /** Fields of the root type. */
  rootFields: 20,
  /** Aliases, of `__typename` too. */
  aliases: 30,
  directives: 50,
  /** Fields of all levels, also of the document as it is written. The standard introspection query has fewer than 200. */
  fields: 500,
} as const

/** How large a part of an operation is, with its fragments written out. */
interface Size {
  depth: number
  introspectionDepth: number
  pages: number
  rootFields: number
  aliases: number
  directives: number
  fields: number
}

/** The fields that hold what is on a page; a list's other fields (`totalCount`, `pageInfo`) are the same however long it is. */
const PAGE_FIELDS: ReadonlySet<string> = new Set(['nodes', 'edges'])

const WORDS: Readonly<Record<keyof Size, string>> = {
  depth: 'levels of fields',
  introspectionDepth: 'levels of introspection fields',
  pages: 'pages within each other',
  rootFields: 'root fields',
  aliases: 'aliases',
  directives: 'directives',
  fields: 'fields',
}

/**
 * One error for each of {@link DOCUMENT_LIMITS} that an operation of the document breaks. To be asked before the document is
 * validated, since validation compares all fields of a level with each other: the square of what is let through here. Every
 * fragment is measured once, however often it is used, so that the time is proportional to the document's length while the
 * counts are those of the written-out operation.
 */
export function findBrokenLimits(document: DocumentNode): GraphQLError[] {
  const measure = new Measure(document)
  const errors = document.definitions
    .filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
    .flatMap((operation) => brokenBy(measure.operation(operation), operation))
  if (errors.length > 0) return errors
  const conditional = document.definitions.filter((definition) => isConditionalSubscription(definition, document))
  if (conditional.length > 0) return conditional.map(conditionError)
  return measure.writtenFields > DOCUMENT_LIMITS.fields ? [limitError('fields', measure.writtenFields)] : []
}

/** Whether the event of a subscription hangs on `@skip` or `@include`: validation of graphql-js 16 fails on that instead of refusing it. */
function isConditionalSubscription(definition: DefinitionNode, { definitions }: DocumentNode): boolean {
  if (definition.kind !== Kind.OPERATION_DEFINITION || definition.operation !== 'subscription') return false
  const met = new Set<string>()
  const isConditional = ({ selections }: SelectionSetNode): boolean =>
    selections.some((selection) => {
      if (selection.directives?.some(({ name }) => name.value === 'skip' || name.value === 'include')) return true
      if (selection.kind === Kind.INLINE_FRAGMENT) return isConditional(selection.selectionSet)
      if (selection.kind === Kind.FIELD || met.has(selection.name.value)) return false
      met.add(selection.name.value)
      return definitions.some(
        (other) =>
          other.kind === Kind.FRAGMENT_DEFINITION && other.name.value === selection.name.value && isConditional(other.selectionSet),
      )
    })
  return isConditional(definition.selectionSet)
}

function conditionError(nodes: ASTNode): GraphQLError {
  const message = "A subscription's own field takes neither @skip nor @include (GraphQL specification, 5.2.4.1). Ask for it, or do not."
  return new GraphQLError(message, { nodes, extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } })
}

function brokenBy(size: Size, operation: OperationDefinitionNode): GraphQLError[] {
  const broken = (Object.keys(WORDS) as (keyof Size)[]).filter((limit) => size[limit] > DOCUMENT_LIMITS[limit])
  return broken.map((limit) => limitError(limit, size[limit], operation))
}

function limitError(limit: keyof Size, actual: number, operation?: OperationDefinitionNode): GraphQLError {
  const subject = operation ? 'The operation has' : 'The document has'
  const addition = operation ? ' (fragments written out)' : ''
  return new GraphQLError(`${subject} ${actual} ${WORDS[limit]}${addition}; at most ${DOCUMENT_LIMITS[limit]} are allowed.`, {
    nodes: operation,
    extensions: { code: 'GRAPHQL_VALIDATION_FAILED', limit, allowed: DOCUMENT_LIMITS[limit], actual },
  })
}

class Measure {
  /** Fields of the document as it is written, those of unused fragments too. */
  writtenFields = 0
  readonly #definitions: ReadonlyMap<string, FragmentDefinitionNode>
  readonly #fragments = new Map<string, Readonly<Size>>()

  constructor({ definitions }: DocumentNode) {
    const fragments = definitions.filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
    this.#definitions = new Map(fragments.map((fragment) => [fragment.name.value, fragment]))
    for (const fragment of fragments) {
      // Two fragments of one name are refused later on, but are compared before.
      if (this.#definitions.get(fragment.name.value) === fragment) this.#fragment(fragment.name.value)
      else this.#selections(fragment.selectionSet)
    }
  }

  operation({ directives, variableDefinitions, selectionSet }: OperationDefinitionNode): Size {
    const size = this.#selections(selectionSet)
    size.directives += directives?.length ?? 0
    for (const variable of variableDefinitions ?? []) size.directives += variable.directives?.length ?? 0
    return size
  }

  #selections(set: SelectionSetNode | undefined): Size {
    const size: Size = { depth: 0, introspectionDepth: 0, pages: 0, rootFields: 0, aliases: 0, directives: 0, fields: 0 }
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
      size.pages = Math.max(size.pages, inner.pages)
      size.introspectionDepth = Math.max(size.introspectionDepth, inner.introspectionDepth)
      return
    }
    const isIntrospection = selection.name.value === '__schema' || selection.name.value === '__type'
    this.writtenFields += 1
    size.rootFields += 1
    size.fields += 1
    if (selection.alias) size.aliases += 1
    size.depth = Math.max(size.depth, isIntrospection ? 1 : inner.depth + 1)
    size.pages = Math.max(size.pages, inner.pages + (PAGE_FIELDS.has(selection.name.value) ? 1 : 0))
    size.introspectionDepth = Math.max(size.introspectionDepth, isIntrospection ? inner.depth : inner.introspectionDepth)
  }

  #fragment(name: string): Readonly<Size> {
    const known = this.#fragments.get(name)
    if (known) return known
    // A fragment that uses itself is refused later on; here it counts as empty, so that the walk ends.
    this.#fragments.set(name, this.#selections(undefined))
    const fragment = this.#definitions.get(name)
    const size = this.#selections(fragment?.selectionSet)
    size.directives += fragment?.directives?.length ?? 0
    this.#fragments.set(name, size)
    return size
  }
}
