import { defaultFieldResolver, type GraphQLFieldResolver, type GraphQLSchema } from 'graphql'
import type { PermissionsByRole } from '../core/contract/caller.js'
import { AppError } from '../core/contract/errors.js'
import type { OperationPolicy } from '../core/contract/operation.js'
import type { RequestContext } from '../core/graphql/context.js'
import { isAnonymous } from './authenticate.js'
import { checkedEvents, isEventSource } from './checked-events.js'
import { undeclaredPermissions } from './permissions.js'
import { type RootField, rootFieldsOf } from './root-fields.js'

/** A call of a root field whose policy is known. */
export type GuardedCall = Pick<RootField, 'kind' | 'name'> & {
  readonly policy: OperationPolicy
  /** Its arguments; undefined before an event of a subscription, and for what is done inside of another operation. */
  readonly args?: Readonly<Record<string, unknown>>
  /** Whether it is done inside of an operation that was let through whatever mode is in force. */
  readonly isInOverride?: boolean
}

/**
 * One condition that a call of a root field has to meet: throws (or rejects with) an AppError when it does not. One that
 * has nothing to wait for returns nothing, so that reading stays synchronous.
 */
export type Check = (call: GuardedCall, context: RequestContext) => undefined | Promise<void>

/** What a schema is guarded with. */
export interface GuardRules {
  /** What is declared; with it, a root field that asks for anything else stops the start. */
  readonly permissions?: PermissionsByRole
  /** What else has to hold, in this order, after the caller's permission. */
  readonly checks?: readonly Check[]
  /** What has to hold still before each event of a subscription; one that does not ends the subscription with its error. */
  readonly eventChecks?: readonly Check[]
}

type Resolve = GraphQLFieldResolver<unknown, RequestContext>
type Before = (args: Readonly<Record<string, unknown>>, context: RequestContext) => undefined | Promise<void>

/**
 * Puts the guard in front of every root field of a built schema, in place, once: what is below a root field is not looked
 * at again, and introspection is left alone. Returns the schema.
 *
 * @throws TypeError naming every root field without a policy, and every permission that nobody declares
 */
export function guardSchema(schema: GraphQLSchema, { permissions, checks = [], eventChecks = [] }: GuardRules = {}): GraphQLSchema {
  const fields = rootFieldsOf(schema)
  const faults = fields
    .filter(({ policy }) => !policy)
    .map(({ kind, name }) => `the ${kind} ${name} has no policy; declare one with @Operation`)
  if (permissions) {
    for (const permission of undeclaredPermissions(schema, permissions)) faults.push(`no pack declares the permission ${permission}`)
  }
  if (faults.length > 0) throw new TypeError(faults.join('\n'))
  for (const { kind, name, policy, field } of fields) {
    if (!policy) continue
    const before: Before = (args, context) => pass([checkPermission, ...checks], { kind, name, policy, args }, context)
    const resolve = field.resolve ?? defaultFieldResolver
    if (kind === 'subscription') {
      const beforeEvent = (context: RequestContext) => pass(eventChecks, { kind, name, policy }, context)
      field.subscribe = behind(before, eventsBehind(beforeEvent, field.subscribe ?? defaultFieldResolver))
      field.resolve = eventsOnly(before, resolve)
    } else field.resolve = behind(before, resolve)
  }
  return schema
}

/** Asks the guard about a mutation without calling it; see {@link RequestContext.admit}. */
export type Admission = (mutation: string, context: RequestContext, isInOverride: boolean) => undefined | Promise<void>

/** The guard's answer for every mutation of a schema, under the same rules as {@link guardSchema}. */
export function admissionTo(schema: GraphQLSchema, { checks = [] }: GuardRules = {}): Admission {
  const mutations = new Map(
    rootFieldsOf(schema).flatMap(({ kind, name, policy }) => (kind === 'mutation' && policy ? [[name, { kind, name, policy }]] : [])),
  )
  return (mutation, context, isInOverride) => {
    const field = mutations.get(mutation)
    if (!field) throw new TypeError(`there is no mutation ${mutation}`)
    return pass([checkPermission, ...checks], { ...field, isInOverride }, context)
  }
}

/** Denies by default: a caller does what its permissions name, and nothing without a key. */
const checkPermission: Check = ({ name, policy: { permission } }, { caller }) => {
  if (isAnonymous(caller))
    throw new AppError('UNAUTHENTICATED', 'An API key is needed. Send it as `Authorization: Bearer <key>` or as `X-API-Key: <key>`.')
  if (permission === null || caller.permissions.has(permission)) return undefined
  const holder = caller.role === null ? 'your key' : `your role ${caller.role}`
  throw new AppError('FORBIDDEN', `\`${name}\` needs the permission ${permission}, which ${holder} does not have.`)
}

/** Runs checks one after the other; a promise only once one of them has something to wait for. */
function pass(checks: readonly Check[], call: GuardedCall, context: RequestContext): undefined | Promise<void> {
  for (const [index, check] of checks.entries()) {
    const waiting = check(call, context)
    if (waiting !== undefined) return waiting.then(() => pass(checks.slice(index + 1), call, context))
  }
  return undefined
}

function behind(before: Before, resolve: Resolve): Resolve {
  return (...call) => {
    const waiting = before(call[1], call[2])
    return waiting === undefined ? resolve(...call) : waiting.then(() => resolve(...call))
  }
}

/** A subscription's source whose every event is checked; whatever else a source comes to is passed on. */
function eventsBehind(before: (context: RequestContext) => undefined | Promise<void>, subscribe: Resolve): Resolve {
  return async (...call) => {
    const events = await subscribe(...call)
    return isEventSource(events) ? checkedEvents(events, () => before(call[2])) : events
  }
}

/**
 * Resolves the events of a subscription, whose beginning was checked. Without an event the operation was executed like a
 * query, as a plain HTTP request does: that is checked like one, and then told what to do.
 */
function eventsOnly(before: Before, resolve: Resolve): Resolve {
  const refuse = behind(before, () => {
    throw new AppError('BAD_USER_INPUT', 'Subscriptions go over a WebSocket (the graphql-transport-ws protocol) at this same path.')
  })
  return (...call) => (call[0] === undefined ? refuse : resolve)(...call)
}
