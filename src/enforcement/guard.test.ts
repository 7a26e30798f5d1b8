import { buildSchema as buildFromText, execute, type GraphQLSchema, parse, subscribe } from 'graphql'
import { Query, Resolver, Root, Subscription } from 'type-graphql'
import { describe, expect, it } from 'vitest'
import { snapshotOf } from '../../test/testkit/api-clients.js'
import { callerWith } from '../../test/testkit/guarded-schema.js'
import { type Caller, ROLES, type Role } from '../core/contract/caller.js'
import { AppError } from '../core/contract/errors.js'
import { Operation } from '../core/contract/operation.js'
import type { RequestContext } from '../core/graphql/context.js'
import { buildSchema } from '../server/schema.js'
import { ANONYMOUS } from './authenticate.js'
import { type Check, guardSchema } from './guard.js'
import { permissionsByRole } from './permissions.js'

const permissions = permissionsByRole([], { 'test:read': 'OBSERVER', 'test:write': 'OPERATOR', 'test:admin': 'ADMIN' })

async function* twoEvents() {
  yield 1
  yield 2
}

let calls = 0

function answer(): string {
  calls += 1
  return 'answer'
}

@Resolver()
class GuardedResolver {
  @Query(() => String)
  @Operation({ permission: null })
  anybody(): string {
    return answer()
  }

  @Query(() => String)
  @Operation({ permission: 'test:read' })
  observer(): string {
    return answer()
  }

  @Query(() => String)
  @Operation({ permission: 'test:write' })
  operator(): string {
    return answer()
  }

  @Query(() => String)
  @Operation({ permission: 'test:admin' })
  admin(): string {
    return answer()
  }

  @Query(() => String)
  @Operation({ permission: 'test:nobody' })
  nobody(): string {
    return answer()
  }

  @Subscription(() => String, { subscribe: () => twoEvents() })
  @Operation({ permission: 'test:read' })
  events(@Root() event: number): string {
    calls += 1
    return `event ${event}`
  }
}

const everything = { ...permissions, ADMIN: new Set([...permissions.ADMIN, 'test:nobody' as const]) }

function guarded(checks: readonly Check[] = []): GraphQLSchema {
  calls = 0
  return guardSchema(buildSchema([GuardedResolver]), { permissions: everything, checks })
}

const contextFor = (caller: Caller) =>
  ({ caller, snapshot: snapshotOf(), requestId: 'a', remoteAddress: '127.0.0.1' }) as unknown as RequestContext
const run = (schema: GraphQLSchema, query: string, caller: Caller) =>
  execute({ schema, document: parse(query), contextValue: contextFor(caller) })

describe('a schema that is not wholly declared', () => {
  it('stops the start, naming every root field without a policy', () => {
    const schema = buildFromText('type Query { a: Int b: Int } type Mutation { c: Int } type Subscription { d: Int }')
    expect(() => guardSchema(schema)).toThrow(
      ['query a', 'query b', 'mutation c', 'subscription d']
        .map((field) => `the ${field} has no policy; declare one with @Operation`)
        .join('\n'),
    )
  })

  it('stops the start, naming every permission that nobody declares', () => {
    const build = () => guardSchema(buildSchema([GuardedResolver]), { permissions })
    expect(build).toThrow('no pack declares the permission test:nobody')
  })
})

describe('a guarded query', () => {
  const allowed: Record<Role, readonly string[]> = {
    EVALUATOR: ['anybody'],
    OBSERVER: ['anybody', 'observer'],
    OPERATOR: ['anybody', 'observer', 'operator'],
    ADMIN: ['anybody', 'observer', 'operator', 'admin'],
  }

  it.each(ROLES)('lets %s do what its role holds, and denies the rest before anything runs', async (role) => {
    for (const field of ['anybody', 'observer', 'operator', 'admin', 'nobody']) {
      const schema = guarded()
      const { data, errors } = await run(schema, `{ ${field} }`, callerWith(role, permissions))
      if (allowed[role].includes(field)) expect({ data, errors }).toEqual({ data: { [field]: 'answer' }, errors: undefined })
      else {
        expect(data).toBe(null)
        expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
        expect(errors?.[0]?.message).toMatch(
          new RegExp(`^\`${field}\` needs the permission test:[a-z]+, which your role ${role} does not have\\.$`),
        )
        expect(calls).toBe(0)
      }
    }
  })

  it('is checked under an alias and in a fragment like anywhere else', async () => {
    const schema = guarded()
    const { errors } = await run(schema, '{ a: admin ...F } fragment F on Query { b: admin }', callerWith('OPERATOR', permissions))
    expect(errors?.map(({ extensions }) => extensions['code'])).toEqual(['FORBIDDEN'])
    expect(calls).toBe(0)
  })

  it.each(['anybody', 'observer', 'nobody'])('refuses %s to somebody without a key', async (field) => {
    const schema = guarded()
    const { errors } = await run(schema, `{ ${field} }`, ANONYMOUS)
    expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }])
    expect(calls).toBe(0)
  })

  it('leaves introspection alone', async () => {
    const { data } = await run(guarded(), '{ __typename __schema { queryType { name } } __type(name: "Query") { name } }', ANONYMOUS)
    expect(data).toEqual({ __typename: 'Query', __schema: { queryType: { name: 'Query' } }, __type: { name: 'Query' } })
  })

  it('answers without a promise when there is nothing to wait for', () => {
    const result = run(guarded([() => undefined]), '{ anybody observer }', callerWith('OBSERVER', permissions))
    expect(result).toEqual({ data: { anybody: 'answer', observer: 'answer' } })
  })
})

describe('further checks', () => {
  it('run in order, after the permission, and know the field and its policy', async () => {
    const seen: string[] = []
    const note =
      (mark: string): Check =>
      ({ kind, name, policy }) => {
        seen.push(`${mark} ${kind} ${name} ${policy.cost} ${policy.allowedDuring}`)
        return undefined
      }
    const later: Check = async (field) => {
      await Promise.resolve()
      await note('second')(field, contextFor(ANONYMOUS))
    }
    const schema = guarded([note('first'), later, note('third')])
    expect(await run(schema, '{ observer }', callerWith('OBSERVER', permissions))).toEqual({ data: { observer: 'answer' } })
    expect(seen).toEqual(['first', 'second', 'third'].map((mark) => `${mark} query observer 1 read`))
    await run(schema, '{ admin }', callerWith('OBSERVER', permissions))
    expect(seen).toHaveLength(3)
  })

  it.each<[string, Check]>([
    [
      'throws',
      () => {
        throw new AppError('MAINTENANCE', 'closed')
      },
    ],
    ['rejects', () => Promise.reject(new AppError('MAINTENANCE', 'closed'))],
  ])('end the call when one %s', async (_, check) => {
    const schema = guarded([check])
    const { errors } = await run(schema, '{ observer }', callerWith('ADMIN', permissions))
    expect(errors).toMatchObject([{ message: 'closed', extensions: { code: 'MAINTENANCE' } }])
    expect(calls).toBe(0)
  })
})

describe('a guarded subscription', () => {
  const document = parse('subscription { events }')
  const follow = (schema: GraphQLSchema, caller: Caller) => subscribe({ schema, document, contextValue: contextFor(caller) })

  it('is checked once, when it begins', async () => {
    const seen: string[] = []
    const schema = guarded([({ kind, name }) => void seen.push(`${kind} ${name}`) as undefined])
    const events = await follow(schema, callerWith('OBSERVER', permissions))
    if (!(Symbol.asyncIterator in events)) throw new Error('was refused')
    const received: unknown[] = []
    for await (const { data } of events) received.push(data)
    expect(received).toEqual([{ events: 'event 1' }, { events: 'event 2' }])
    expect(seen).toEqual(['subscription events'])
  })

  it.each<[string, Caller]>([
    ['FORBIDDEN', callerWith('EVALUATOR', permissions)],
    ['UNAUTHENTICATED', ANONYMOUS],
  ])('is refused as %s before it begins', async (code, caller) => {
    expect(await follow(guarded(), caller)).toMatchObject({ errors: [{ extensions: { code } }] })
  })

  it.each<[string, Caller]>([
    ['FORBIDDEN', callerWith('EVALUATOR', permissions)],
    ['UNAUTHENTICATED', ANONYMOUS],
    ['BAD_USER_INPUT', callerWith('OBSERVER', permissions)],
  ])('is refused as %s when it is executed like a query', async (code, caller) => {
    const schema = guarded()
    expect(await run(schema, 'subscription { events }', caller)).toMatchObject({ errors: [{ extensions: { code } }] })
    expect(calls).toBe(0)
  })
})
