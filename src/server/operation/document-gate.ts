import { type GraphQLError, parse } from 'graphql'
import { DOCUMENT_LIMITS, findBrokenLimits } from './document-limits.js'

/** Says why a document must not be validated; nothing for one that may be, and for one that cannot even be parsed. */
export type DocumentGate = (query: string) => readonly GraphQLError[]

/** Documents that passed are remembered, newest last. */
const REMEMBERED = 1_000
/** Longer ones are measured each time, so that what is remembered stays below 8 MB. */
const REMEMBERED_LENGTH = 4_000
const NONE: readonly GraphQLError[] = []

/** A gate with a memory of its own: the documents of a program are few, and looking one up costs next to nothing. */
export function createDocumentGate(): DocumentGate {
  const passed = new Set<string>()
  return (query) => {
    if (passed.has(query)) return NONE
    const faults = measure(query)
    if (faults.length === 0 && query.length <= REMEMBERED_LENGTH) {
      const [oldest] = passed.size >= REMEMBERED ? passed : []
      if (oldest !== undefined) passed.delete(oldest)
      passed.add(query)
    }
    return faults
  }
}

function measure(query: string): readonly GraphQLError[] {
  try {
    return findBrokenLimits(parse(query, { maxTokens: DOCUMENT_LIMITS.tokens }))
  } catch {
    // A syntax error is told by whoever parses the document next.
    return NONE
  }
}
