import {
  defaultFieldResolver,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLSchema,
  getNamedType,
  isIntrospectionType,
  isLeafType,
  isNonNullType,
  isObjectType,
} from 'graphql'
import { after } from '../../values/after.js'
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
      } else if (field.args.some(({ name }) => name === 'first')) field.resolve = paced(field)
    }
  }
  return schema
}

/** A resolver that counts what another one answers. */
type CountedResolve = Resolve & { readonly isCountedFor?: Resolve }

/** How a field is resolved by whoever counts the bytes of its answer: nothing for the property of its name. */
export function uncounted({ resolve }: Pick<GraphQLField<unknown, unknown>, 'resolve'>): {
  readonly resolve: Resolve | undefined
  readonly isCounted: boolean
} {
  const plain = (resolve as CountedResolve | undefined)?.isCountedFor
  const own = plain ?? resolve
  return { resolve: own === defaultFieldResolver ? undefined : own, isCounted: plain !== undefined }
}

/** A leaf as its value is put into an answer. */
export interface CountedLeaf {
  readonly key: string | number
  readonly isNullable: boolean
}

/** Counts the value of a leaf. Once an answer is too large, nothing more is put into it: it will not be sent. */
export function countLeaf(context: RequestContext, { key, isNullable }: CountedLeaf, value: unknown): unknown {
  return context.once(answerBudget).admits(key, value) || !isNullable ? value : null
}

function counted({ type, resolve = defaultFieldResolver }: GraphQLField<unknown, RequestContext>): CountedResolve {
  const isNullable = !isNonNullType(type)
  const counting: Resolve = (...call) => {
    const [, , context, { path }] = call
    return after(resolve(...call), (value) => countLeaf(context, { key: path.key, isNullable }, value))
  }
  return Object.assign(counting, { isCountedFor: resolve })
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
