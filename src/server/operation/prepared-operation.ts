import { type DocumentNode, type ExecutionResult, execute, type GraphQLSchema, type OperationDefinitionNode } from 'graphql'
import type { RequestContext } from '../../core/graphql/context.js'
import { type Plan, planOf } from './compiled/plan.js'
import { runPlan } from './compiled/run-plan.js'
import { rootFieldNames } from './root-field-names.js'

/** Values of variables as they were sent. */
export type Variables = Readonly<Record<string, unknown>>

/** The use from which on a query has a plan. */
const PLANNED_AT_USE = 2

const INTROSPECTION: ReadonlySet<string> = new Set(['__schema', '__type', '__typename'])

/** Where an operation comes from. */
export interface OperationSource {
  /** Guarded. */
  readonly schema: GraphQLSchema
  readonly document: DocumentNode
  readonly operation: OperationDefinitionNode
  /** Whether it may be executed by a plan. */
  readonly isPlanned: boolean
}

/** An operation of a document that was read, and what follows from it. */
export class PreparedOperation {
  readonly document: DocumentNode
  readonly operation: OperationDefinitionNode
  /** The name under which it is counted: never a name that a client chose, so that there are few. */
  readonly label: string
  /** Whether it is a query of introspection and nothing else. */
  readonly isIntrospection: boolean
  readonly #schema: GraphQLSchema
  #usesUntilPlanned: number
  #plan: Plan | undefined

  constructor({ schema, document, operation, isPlanned }: OperationSource) {
    const fields = rootFieldNames(document, operation)
    this.#schema = schema
    this.#usesUntilPlanned = isPlanned ? PLANNED_AT_USE : 0
    this.document = document
    this.operation = operation
    this.label = fields.length > 1 ? 'multiple' : (fields[0] ?? 'none')
    this.isIntrospection = operation.operation === 'query' && fields.length > 0 && fields.every((name) => INTROSPECTION.has(name))
  }

  /**
   * What it comes to in a context; `rootValue` is the event of a subscription. By its plan from its second use on: most documents of
   * a person in Sandbox are used once.
   */
  execute(contextValue: RequestContext, variables: Variables, rootValue?: unknown): ExecutionResult | Promise<ExecutionResult> {
    if (this.#usesUntilPlanned > 0 && --this.#usesUntilPlanned === 0) this.#plan = planOf(this.#schema, this.document, this.operation)
    if (this.#plan) return runPlan(this.#plan, contextValue, variables)
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
