import fc from 'fast-check'
import { buildSchema, type ExecutionResult, execute, parse } from 'graphql'
import { expect, it } from 'vitest'
import type { RequestContext } from '../../../core/graphql/context.js'
import { type Plan, planOf } from './plan.js'
import { runPlan } from './run-plan.js'

const schema = buildSchema(`
  type Query { a: Thing b: Thing! list: [Thing!] lists: [[Int]!]! n: Int! m: Int }
  type Thing { x: Int! y: Int z: [Int!] inner: Thing many: [Thing] }
`)

const THING = 'x why: y z inner { x y } many { ...Part }'
const document = parse(
  `{ a { ${THING} } b { ${THING} x } list { x ...Part } lists n again: n m } fragment Part on Thing { y z __typename x }`,
)

/** What a resolver answers: a value, one that comes later, or a failure at once or later. */
type Told = { readonly how: 'now' | 'later' | 'thrown' | 'rejected'; readonly value: unknown }

const how = fc.constantFrom<Told['how'][]>('now', 'now', 'now', 'now', 'later', 'later', 'thrown', 'rejected')
const told = (value: fc.Arbitrary<unknown>) => fc.record({ how, value })
const whole = told(fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 0, max: 9 }) }, fc.constantFrom(null, undefined, 'text', Number.NaN)))
/** Of one list all items come later or none does: graphql-js does not wait for those before one that fails at once. */
const late = (item: fc.Arbitrary<Told>) =>
  item.map(({ how: way, value }): Told => ({ how: way === 'now' || way === 'later' ? 'later' : 'rejected', value }))
const soon = (item: fc.Arbitrary<Told>) =>
  item.map(({ how: way, value }): Told => ({ how: way === 'now' || way === 'later' ? 'now' : 'thrown', value }))
const { thing } = fc.letrec<{ thing: Told }>((tie) => ({
  thing: told(
    fc.oneof(
      { maxDepth: 3, depthIdentifier: 'thing' },
      fc.constantFrom(null, undefined),
      fc.record({
        x: whole,
        y: whole,
        z: told(fc.oneof(fc.array(late(whole), { maxLength: 3 }), fc.array(soon(whole), { maxLength: 3 }), fc.constantFrom(null, 5))),
        inner: tie('thing'),
        many: told(fc.array(late(tie('thing')), { maxLength: 3 })),
      }),
    ),
  ),
}))
const answers = fc.record({
  a: thing,
  b: thing,
  list: told(fc.array(late(thing), { maxLength: 3 })),
  lists: told(fc.array(late(told(fc.array(soon(whole), { maxLength: 2 }))), { maxLength: 2 })),
  n: whole,
  m: whole,
})

/** A value as graphql-js is handed it: made anew each time, since a promise fails once. */
function made({ how: way, value }: Told): unknown {
  if (way === 'thrown') return new Error('thrown')
  if (way === 'rejected') return Promise.reject(new Error('rejected'))
  const inner = Array.isArray(value) ? value.map(made) : typeof value === 'object' && value !== null ? madeMembers(value) : value
  return way === 'later' ? Promise.resolve(inner) : inner
}

/** Members are methods: what is not asked for is not made either. */
function madeMembers(value: object): object {
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, () => made(member as Told)]))
}

it('a plan answers what graphql-js answers, with the same errors at the same places in the same order', async () => {
  const fields = schema.getQueryType()?.getFields() ?? {}
  for (const [name, field] of Object.entries(fields)) field.resolve = (_source, _args, context) => made(context.answers[name])
  const [operation] = document.definitions
  const plan = operation?.kind === 'OperationDefinition' ? planOf(schema, document, operation) : undefined
  await fc.assert(
    fc.asyncProperty(answers, async (given) => {
      const context = { answers: given } as unknown as RequestContext
      const expected = await execute({ schema, document, contextValue: context })
      expect(JSON.stringify(plan && (await runPlan(plan, context, {})))).toBe(JSON.stringify(expected))
    }),
    { numRuns: 500 },
  )
})

it('a list of which an item fails at once leaves no error of the items before it to nobody', async () => {
  const { list, n } = schema.getQueryType()?.getFields() ?? {}
  Object.assign(list ?? {}, { resolve: () => [Promise.reject(new Error('late')), new Error('soon')] })
  Object.assign(n ?? {}, { resolve: () => 1 })
  const query = parse('{ list { x } n }')
  const [operation] = query.definitions
  const plan = operation?.kind === 'OperationDefinition' ? planOf(schema, query, operation) : undefined
  const unheard: unknown[] = []
  const hear = (reason: unknown): void => void unheard.push(reason)
  process.on('unhandledRejection', hear)
  const { errors, data } = (await runPlan(plan as Plan, {} as RequestContext, {})) as ExecutionResult
  await new Promise((resolve) => setTimeout(resolve, 5))
  process.off('unhandledRejection', hear)
  expect([errors?.map(({ message }) => message), data, unheard]).toEqual([['soon'], { list: null, n: 1 }, []])
})

it.each(['{ a @skip(if: true) { x } n }', '{ __schema { queryType { name } } }', '{ __proto__: n }'])(
  'what is not the same to the letter is not planned: %s',
  (text) => {
    const other = parse(text)
    const [operation] = other.definitions
    expect(operation?.kind === 'OperationDefinition' && planOf(schema, other, operation)).toBe(undefined)
  },
)
