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
import { after } from '../../values/after.js'
import type { Page } from '../connection.js'
import type { RequestContext } from '../context.js'
import { answerBudget } from './answer-budget.js'
import { pace } from './turns.js'

type Resolve = GraphQLFieldResolver<unknown, RequestContext>

/**
 * Bounds what one answer of a built schema may be, in place: its bytes are counted while it is put together, and its pages and
 * large values are put together in turns of the event loop. Leaves of the root types are flags and numbers, and are not counted. Returns the schema.
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

/** A text of this many characters is worth a look at the time, and so is every JSON value that has members. */
const LONG_TEXT = 1_024

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

/**
 * Counts the value of a leaf, a large one in a turn that has room for it. Once an answer is too large, nothing more is put into it:
 * it will not be sent.
 */
export function countLeaf(context: RequestContext, leaf: CountedLeaf, value: unknown): unknown {
  const isSmall = typeof value === 'string' ? value.length < LONG_TEXT : typeof value !== 'object' || value === null
  const budget = context.once(answerBudget)
  const counted = (): unknown => {
    try {
      return budget.admits(leaf.key, value) || !leaf.isNullable ? value : null
    } catch (error) {
      // Not at once: in a list, graphql-js would wait for none of the items before this one, and their errors would be nobody's.
      return Promise.reject(error)
    }
  }
  if (isSmall) return counted()
  const turns = context.once(pace)
  const room = turns.room()
  if (room !== undefined) return room.then(() => countLeaf(context, leaf, value))
  const before = budget.answeredBytes
  const admitted = counted()
  turns.note(budget.answeredBytes - before)
  return admitted
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
