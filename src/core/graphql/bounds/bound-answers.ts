import {
  defaultFieldResolver,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isIntrospectionType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql'
import type { Page } from '../connection.js'
import type { RequestContext } from '../context.js'
import { answerBudget } from './answer-budget.js'
import { pace } from './turns.js'

type Resolve = GraphQLFieldResolver<unknown, RequestContext>

/**
 * Bounds what one answer of a built schema may be, in place: its bytes are counted while it is put together, and its pages are
 * put together in turns of the event loop. Leaves of the root types are flags and numbers, and are not counted. Returns the schema.
 */
export function boundAnswers(schema: GraphQLSchema): GraphQLSchema {
  const roots = new Set<unknown>([schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()])
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || isIntrospectionType(type)) continue
    for (const field of Object.values(type.getFields())) {
      if (isLeafType(getNamedType(field.type))) {
        if (!roots.has(type)) field.resolve = counted(field)
      } else if (!isListType(getNullableType(field.type)) && field.args.some(({ name }) => name === 'first')) field.resolve = paced(field)
    }
  }
  return schema
}

/** Once an answer is too large, nothing more is put into it: it will not be sent. */
function counted({ type, resolve = defaultFieldResolver }: GraphQLField<unknown, RequestContext>): Resolve {
  const isNullable = !isNonNullType(type)
  return (...call) => {
    const [, , context, { path }] = call
    const count = (value: unknown): unknown => (context.once(answerBudget).admits(path.key, value) || !isNullable ? value : null)
    return after(resolve(...call), count)
  }
}

function paced({ resolve = defaultFieldResolver }: GraphQLField<unknown, RequestContext>): Resolve {
  return (...call) => {
    const [, , context] = call
    const hold = (page: Page<unknown>) =>
      context
        .once(pace)
        .pass(page.nodes.length)
        ?.then(() => page) ?? page
    return after(resolve(...call) as Page<unknown> | Promise<Page<unknown>>, hold)
  }
}

/** What is there at once is not waited for. */
function after<T, R>(value: T | Promise<T>, next: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(next) : next(value)
}
