import {
  type ExecutionResult,
  type FieldNode,
  GraphQLError,
  type GraphQLLeafType,
  type GraphQLResolveInfo,
  getArgumentValues,
  getVariableValues,
  locatedError,
  responsePathAsArray,
} from 'graphql'
import { countLeaf } from '../../../core/graphql/bounds/bound-answers.js'
import type { RequestContext } from '../../../core/graphql/context.js'
import type { FieldPlan, Plan, ValuePlan } from './plan.js'

type Variables = Record<string, unknown>
type Answer = Record<string, unknown>
type Path = GraphQLResolveInfo['path']

/** So many faults of variables are told of; as in graphql-js. */
const MAX_FAULTS = 50

/**
 * Executes a query by its plan: what graphql-js answers, with the same errors at the same places. Each step is the one of graphql-js
 * (16.14, `execution/execute.js`), without what the plan knows beforehand.
 */
export function runPlan(plan: Plan, context: RequestContext, variables: Readonly<Variables>): ExecutionResult | Promise<ExecutionResult> {
  const { variableDefinitions = [] } = plan.operation
  const read = getVariableValues(plan.schema, variableDefinitions, variables, { maxErrors: MAX_FAULTS })
  return read.errors ? { errors: read.errors } : new Run(plan, context, read.coerced).answer()
}

class Run {
  readonly #plan: Plan
  readonly #context: RequestContext
  readonly #variables: Variables
  readonly #errors: GraphQLError[] = []
  #nulled: Set<Path | undefined> | undefined

  constructor(plan: Plan, context: RequestContext, variables: Variables) {
    this.#plan = plan
    this.#context = context
    this.#variables = variables
  }

  answer(): ExecutionResult | Promise<ExecutionResult> {
    const fail = (error: unknown): ExecutionResult => {
      this.#note(error as GraphQLError, undefined)
      return this.#resultOf(null)
    }
    try {
      const data = this.#object(this.#plan.fields, undefined, undefined)
      return isPromise(data) ? data.then((settled) => this.#resultOf(settled as Answer), fail) : this.#resultOf(data)
    } catch (error) {
      return fail(error)
    }
  }

  /** What comes late from below a place that is null already is not told. */
  #note(error: GraphQLError, place: Path | undefined): void {
    for (let above = place; above !== undefined; above = above.prev) if (this.#nulled?.has(above)) return
    if (this.#nulled?.has(undefined)) return
    this.#nulled ??= new Set()
    this.#nulled.add(place)
    this.#errors.push(error)
  }

  #resultOf(data: Answer | null): ExecutionResult {
    return this.#errors.length === 0 ? { data } : { errors: this.#errors, data }
  }

  #object(fields: readonly FieldPlan[], source: unknown, place: Path | undefined): Answer | Promise<Answer> {
    const answer: Answer = {}
    let isWaiting = false
    try {
      for (let index = 0; index < fields.length; index += 1) {
        const field = fields[index] as FieldPlan
        const value = this.#field(field, source, place)
        answer[field.key] = value
        if (isPromise(value)) isWaiting = true
      }
    } catch (error) {
      if (!isWaiting) throw error
      // Nothing is left that nobody waits for.
      return settled(answer).finally(() => {
        throw error
      })
    }
    return isWaiting ? settled(answer) : answer
  }

  #field(field: FieldPlan, source: unknown, around: Path | undefined): unknown {
    // The place of a leaf is needed where something goes wrong only.
    const place = field.value.leaf ? undefined : placeOf(field, around)
    try {
      const value = this.#resolve(field, source, around)
      const answered = isPromise(value)
        ? value.then((late) => this.#complete(field.value, late, place))
        : this.#complete(field.value, value, place)
      if (!isPromise(answered)) return answered
      return answered.then(undefined, (error: unknown) => this.#fail(field.value, error, place ?? placeOf(field, around)))
    } catch (error) {
      return this.#fail(field.value, error, place ?? placeOf(field, around))
    }
  }

  /** An error belongs to the nearest value that may be null. */
  #fail({ isNullable, field }: ValuePlan, cause: unknown, place: Path): null {
    const error = locatedError(cause, field.nodes, responsePathAsArray(place))
    if (!isNullable) throw error
    this.#note(error, place)
    return null
  }

  #resolve(plan: FieldPlan, source: unknown, around: Path | undefined): unknown {
    const { resolve, counted } = plan
    const value = resolve ? resolve(source, ...this.#callOf(plan, around)) : this.#property(plan, source, around)
    if (!counted) return value
    return isPromise(value) ? value.then((late) => countLeaf(this.#context, counted, late)) : countLeaf(this.#context, counted, value)
  }

  /** As graphql-js's own resolver: a method is called. */
  #property(plan: FieldPlan, source: unknown, around: Path | undefined): unknown {
    if ((typeof source !== 'object' || source === null) && typeof source !== 'function') return undefined
    const members = source as Readonly<Record<string, unknown>>
    const value = members[plan.field.name]
    return typeof value === 'function' ? value.apply(source, this.#callOf(plan, around)) : value
  }

  /** What a resolver is called with, besides its source. */
  #callOf({ args, field, nodes, parentType, key }: FieldPlan, around: Path | undefined): [Variables, RequestContext, GraphQLResolveInfo] {
    const { schema, fragments, operation } = this.#plan
    const variableValues = this.#variables
    const info: GraphQLResolveInfo = {
      fieldName: field.name,
      fieldNodes: nodes,
      returnType: field.type,
      parentType,
      path: { prev: around, key, typename: parentType.name },
      schema,
      fragments,
      rootValue: undefined,
      operation,
      variableValues,
    }
    return [args ?? getArgumentValues(field, nodes[0] as FieldNode, variableValues), this.#context, info]
  }

  #complete(plan: ValuePlan, value: unknown, place: Path | undefined): unknown {
    if (value instanceof Error) throw value
    if (value === null || value === undefined) {
      if (plan.isNullable) return null
      throw new Error(`Cannot return null for non-nullable field ${nameOf(plan)}.`)
    }
    if (plan.leaf) return leafOf(plan.leaf, value)
    return plan.items ? this.#list(plan.items, value, place) : this.#object(plan.field.inner, value, place)
  }

  #list(items: ValuePlan, value: unknown, place: Path | undefined): unknown[] | Promise<unknown[]> {
    if (!isIterable(value)) throw new GraphQLError(`Expected Iterable, but did not find one for field "${nameOf(items)}".`)
    let isWaiting = false
    const answered: unknown[] = []
    try {
      for (const item of value) {
        const answer = this.#item(items, item, { prev: place, key: answered.length, typename: undefined })
        if (isPromise(answer)) isWaiting = true
        answered.push(answer)
      }
    } catch (error) {
      // As graphql-js does, nobody waits for what came before; but nothing of it is left that nobody hears of.
      for (const answer of answered) if (isPromise(answer)) answer.then(undefined, () => undefined)
      throw error
    }
    return isWaiting ? Promise.all(answered) : answered
  }

  #item(plan: ValuePlan, item: unknown, place: Path): unknown {
    try {
      const answered = isPromise(item) ? item.then((late) => this.#complete(plan, late, place)) : this.#complete(plan, item, place)
      if (!isPromise(answered)) return answered
      return answered.then(undefined, (error: unknown) => this.#fail(plan, error, place))
    } catch (error) {
      return this.#fail(plan, error, place)
    }
  }
}

function placeOf({ key, parentType }: FieldPlan, around: Path | undefined): Path {
  return { prev: around, key, typename: parentType.name }
}

function nameOf({ field: { parentType, field } }: ValuePlan): string {
  return `${parentType.name}.${field.name}`
}

function leafOf(type: GraphQLLeafType, value: unknown): unknown {
  const serialized: unknown = type.serialize(value)
  if (serialized === null || serialized === undefined) throw new Error(`${type.name} must not be serialized as nothing.`)
  return serialized
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { readonly then?: unknown }).then === 'function'
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Iterable<unknown>>)[Symbol.iterator] === 'function'
}

/** An answer whose values have come; in as many steps as in graphql-js, which the order of errors depends on. */
function settled(answer: Answer): Promise<Answer> {
  const keys = Object.keys(answer)
  return Promise.all(Object.values(answer)).then((values) => Object.fromEntries(keys.map((key, index) => [key, values[index]])))
}
