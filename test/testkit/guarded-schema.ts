import { type ExecutionResult, execute, type GraphQLSchema, parse } from 'graphql'
import type { Caller, PermissionsByRole, Role } from '../../src/core/contract/caller.js'
import type { CoreServices } from '../../src/core/contract/core-services.js'
import { Once } from '../../src/core/contract/once.js'
import type { RequestContext } from '../../src/core/graphql/context.js'

/** Somebody with a role. */
export function callerWith(role: Role, permissions: PermissionsByRole, id = `a-${role.toLowerCase()}`): Caller {
  return { id, name: id, clientType: 'SCRIPT', role, permissions: permissions[role] }
}

/** A server of these parts alone. */
export function coreOf(parts: Partial<CoreServices>): CoreServices {
  const core = { ...parts, once: (part) => made.get(part) } as CoreServices
  const made = new Once(core)
  return core
}

/** The context of one call. */
export function contextOf({ caller, snapshot, core }: Pick<RequestContext, 'caller' | 'snapshot' | 'core'>): RequestContext {
  const context: RequestContext = {
    caller,
    requestId: 'a-request',
    remoteAddress: '127.0.0.1',
    subjects: { ip: '127.0.0.1', clientId: caller.id, user: null },
    snapshot,
    core,
    once: (part) => made.get(part),
    admit: () => undefined,
  }
  const made = new Once(context)
  return context
}

/** The answer as a client gets it: plain JSON. */
export async function ask(schema: GraphQLSchema, query: string, contextValue: RequestContext): Promise<ExecutionResult> {
  return JSON.parse(JSON.stringify(await execute({ schema, document: parse(query), contextValue })))
}
