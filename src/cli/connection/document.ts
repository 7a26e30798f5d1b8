import type { initGraphQLTada, ResultOf, TadaDocumentNode, VariablesOf } from 'gql.tada'
import type { introspection } from '../../generated/graphql/introspection.js'

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [member: string]: Json }

interface Scalars {
  readonly DateTimeISO: string
  readonly JSON: Json
  readonly SemVer: string
  readonly URL: string
}

type Tada = ReturnType<typeof initGraphQLTada<{ introspection: introspection; disableMasking: true; scalars: Scalars }>>

/** A document, with the types of its answer and of its variables. When it runs it is a text. */
export type Document<Result = unknown, Variables = unknown> = TadaDocumentNode<Result, Variables, void>

export type { ResultOf, VariablesOf }

/** Types a document by the schema: a field that is not there fails the compiler. At run time it is the text, with its fragments. */
export const graphql = ((text: string, fragments: readonly string[] = []) => [text, ...fragments].join('\n')) as unknown as Tada

/** The text of a document, as it is sent. */
export function textOf<Result, Variables>(document: Document<Result, Variables>): string {
  return document as unknown as string
}
