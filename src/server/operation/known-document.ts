import { type DocumentNode, GraphQLError, type GraphQLSchema, getOperationAST, parse, validate } from 'graphql'
import type { LoadKind, LoadKinds } from '../load/load-kind.js'
import { DOCUMENT_LIMITS, findBrokenLimits } from './document-limits.js'
import { PreparedOperation } from './prepared-operation.js'
import type { Shortcuts } from './ways.js'

/** What documents are read with. */
export interface DocumentParts {
  /** Guarded. */
  readonly schema: GraphQLSchema
  readonly kinds: Pick<LoadKinds, 'kindOf' | 'isSwitch'>
  readonly shortcuts: Pick<Shortcuts, 'isPlanned'>
}

const NONE: readonly GraphQLError[] = []

/** A text that was sent as a document, and what follows from it: each found once. */
export class KnownDocument {
  /** Undefined for a text that is none. */
  readonly document: DocumentNode | undefined
  /** Limits of documents that it breaks: with any of them it must not even be validated. */
  readonly brokenLimits: readonly GraphQLError[]
  readonly #parts: DocumentParts
  readonly #syntaxFaults: readonly GraphQLError[]
  readonly #operations = new Map<string | undefined, PreparedOperation>()
  #kind: LoadKind | undefined
  #faults: readonly GraphQLError[] | undefined

  constructor(text: string, parts: DocumentParts) {
    const read = readDocument(text)
    this.#parts = parts
    this.document = read instanceof GraphQLError ? undefined : read
    this.#syntaxFaults = read instanceof GraphQLError ? [read] : NONE
    this.brokenLimits = this.document ? findBrokenLimits(this.document) : NONE
  }

  /** Whether somebody has found that it may be executed. */
  get isValid(): boolean {
    return this.#faults?.length === 0
  }

  /** Tells that Apollo has validated it. */
  markValid(): void {
    this.#faults = NONE
  }

  /** Why it may not be executed, with codes as Apollo gives them: nothing for a valid document. */
  findFaults(): readonly GraphQLError[] {
    this.#faults ??= this.#look()
    return this.#faults
  }

  /** One of its operations; undefined where it does not say which, or has none of that name. */
  operation(name: string | null | undefined): PreparedOperation | undefined {
    const { document } = this
    const known = this.#operations.get(name ?? undefined)
    if (known || !document) return known
    const operation = getOperationAST(document, name)
    if (!operation) return undefined
    const { schema, shortcuts } = this.#parts
    const prepared = new PreparedOperation({ schema, document, operation, isPlanned: shortcuts.isPlanned })
    this.#operations.set(name ?? undefined, prepared)
    return prepared
  }

  /** What it waits for. */
  kindWith(operationName: string | undefined, variables: unknown): LoadKind {
    const { document } = this
    if (!document) return 'memory'
    const { kinds } = this.#parts
    this.#kind ??= kinds.kindOf(document)
    // A variable may say that maintenance is overridden: that is looked at each time.
    if (this.#kind !== 'writes') return this.#kind
    return kinds.isSwitch(getOperationAST(document, operationName), variables) ? 'switches' : 'writes'
  }

  #look(): readonly GraphQLError[] {
    if (!this.document) return this.#syntaxFaults
    if (this.brokenLimits.length > 0) return this.brokenLimits
    return validate(this.#parts.schema, this.document).map((fault) => withCode(fault, 'GRAPHQL_VALIDATION_FAILED'))
  }
}

/** A document's text as a document, or what is wrong with its syntax. */
function readDocument(text: string): DocumentNode | GraphQLError {
  try {
    return parse(text, { maxTokens: DOCUMENT_LIMITS.tokens })
  } catch (error) {
    if (error instanceof GraphQLError) return withCode(error, 'GRAPHQL_PARSE_FAILED')
    throw error
  }
}

function withCode({ message, nodes, source, positions, extensions }: GraphQLError, code: string): GraphQLError {
  return new GraphQLError(message, { nodes, source, positions, extensions: { ...extensions, code } })
}
