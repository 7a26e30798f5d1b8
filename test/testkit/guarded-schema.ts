import { type ExecutionResult, execute, type GraphQLSchema, parse } from 'graphql'
import type { Caller, Role } from '../../src/core/contract/caller.js'
import type { Database } from '../../src/core/database/database.js'
import type { RequestContext } from '../../src/core/graphql/context.js'
import { createLoaders } from '../../src/core/graphql/loaders.js'
import { ChangeLog } from '../../src/core/ledger/change-log.js'
import type { Snapshot } from '../../src/core/state/snapshot.js'
import type { PermissionsByRole } from '../../src/enforcement/permissions.js'

/** Somebody with a role. */
export function callerWith(role: Role, permissions: PermissionsByRole, id = `a-${role.toLowerCase()}`): Caller {
  return { id, name: id, clientType: 'SCRIPT', role, permissions: permissions[role] }
}

/** The context of one call. */
export function contextOf({ caller, snapshot, database }: { caller: Caller; snapshot: Snapshot; database: Database }): RequestContext {
  const loaders = createLoaders(new ChangeLog(database))
  return {
    caller,
    requestId: 'a-request',
    remoteAddress: '127.0.0.1',
    subjects: { ip: '127.0.0.1', clientId: caller.id, user: null },
    snapshot,
    loaders,
    admit: () => undefined,
  }
}

/** The answer as a client gets it: plain JSON. */
export async function ask(schema: GraphQLSchema, query: string, contextValue: RequestContext): Promise<ExecutionResult> {
  return JSON.parse(JSON.stringify(await execute({ schema, document: parse(query), contextValue })))
}
