import { type DocumentNode, type FragmentDefinitionNode, Kind, type OperationDefinitionNode, type SelectionSetNode } from 'graphql'

/**
 * The names of the fields that an operation asks of its root type, each once, also through fragments (by field, not by
 * alias). A fragment that is missing counts as a field named `...<fragment>`, so that nothing passes unseen.
 */
export function rootFieldNames(document: DocumentNode, operation: OperationDefinitionNode): readonly string[] {
  const found = new Set<string>()
  collect(operation.selectionSet, { document, found, visited: new Set() })
  return [...found]
}

interface Search {
  readonly document: DocumentNode
  readonly found: Set<string>
  /** Fragments that were looked into: none is looked into twice. */
  readonly visited: Set<string>
}

function collect({ selections }: SelectionSetNode, search: Search): void {
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) search.found.add(selection.name.value)
    else if (selection.kind === Kind.INLINE_FRAGMENT) collect(selection.selectionSet, search)
    else collectFragment(selection.name.value, search)
  }
}

function collectFragment(name: string, search: Search): void {
  if (search.visited.has(name)) return
  search.visited.add(name)
  const isMeant = (definition: DocumentNode['definitions'][number]): definition is FragmentDefinitionNode =>
    definition.kind === Kind.FRAGMENT_DEFINITION && definition.name.value === name
  const fragment = search.document.definitions.find(isMeant)
  if (fragment) collect(fragment.selectionSet, search)
  else search.found.add(`...${name}`)
}
