import { type DocumentNode, type ExecutionResult, execute, type GraphQLSchema, type OperationDefinitionNode } from 'graphql'
import type { RequestContext } from '../../core/graphql/context.js'
import { rootFieldNames } from './root-field-names.js'

/** Values of variables as they were sent. */
export type Variables = Readonly<Record<string, unknown>>

const INTROSPECTION: ReadonlySet<string> = new Set(['__schema', '__type', '__typename'])

/** An operation of a document that was read, and what follows from it. */
export class PreparedOperation {
  readonly document: DocumentNode
  readonly operation: OperationDefinitionNode
  /** The name under which it is counted: never a name that a client chose, so that there are few. */
  readonly label: string
  /** Whether it is a query of introspection and nothing else. */
  readonly isIntrospection: boolean
  readonly #schema: GraphQLSchema

  constructor(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode) {
    const fields = rootFieldNames(document, operation)
    this.#schema = schema
    this.document = document
    this.operation = operation
    this.label = fields.length > 1 ? 'multiple' : (fields[0] ?? 'none')
    this.isIntrospection = operation.operation === 'query' && fields.length > 0 && fields.every((name) => INTROSPECTION.has(name))
  }

  /** What it comes to in a context; `rootValue` is the event of a subscription. */
  execute(contextValue: RequestContext, variables: Variables, rootValue?: unknown): ExecutionResult | Promise<ExecutionResult> {
    return execute({
      schema: this.#schema,
      document: this.document,
      operationName: this.operation.name?.value,
      contextValue,
      variableValues: variables,
      rootValue,
    }) as ExecutionResult | Promise<ExecutionResult>
  }
}
