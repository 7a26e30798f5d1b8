import { BackgroundTask } from '../../src/core/background/background-task.js'
import { SYSTEM_CALLER } from '../../src/core/contract/caller.js'
import { type Command, done } from '../../src/core/state/command.js'
import { apiClientCollection } from '../../src/packs/api-clients/api-client.collection.js'
import type { ApiClientRecord } from '../../src/packs/api-clients/api-client.js'
import { maintenanceSwitchCollection, switchOf } from '../../src/packs/maintenance/maintenance-switch.collection.js'
import { maintenanceWindowCollection } from '../../src/packs/maintenance/maintenance-window.collection.js'
import { rateLimitRuleCollection } from '../../src/packs/rate-limits/index.js'
import { clientWithKey } from '../testkit/api-clients.js'
import type { HandClock } from '../testkit/hand-clock.js'
import { startTestServer, type TestServer } from '../testkit/server.js'

/** A client that is there from the beginning, the same on each server. */
export interface Caller {
  readonly record: ApiClientRecord
  readonly key: string
}

/** Three servers with a database each: `reference` is plain Apollo with graphql-js, the others take every way that there is. */
export type Servers = Readonly<Record<'reference' | 'short' | 'socket', TestServer>>

const ROLES = [
  ['admin', 'ADMIN', 'SCRIPT'],
  ['operator', 'OPERATOR', 'SCRIPT'],
  ['observer', 'OBSERVER', 'SCRIPT'],
  ['dashboard', 'OBSERVER', 'HEIMDALL'],
  ['evaluator', 'EVALUATOR', 'SCRIPT'],
  // Whose keys and roles change.
  ['one', 'OBSERVER', 'SCRIPT'],
  ['two', 'OPERATOR', 'SCRIPT'],
] as const

/** What timers of the machine would do now and then: done between cases, so that it is done everywhere at the same time. */
const tasks: BackgroundTask<unknown>[] = []

/** Does what is done in the background. */
export async function runBackground(): Promise<void> {
  await Promise.all(tasks.map((task) => task.run()))
}

/** Starts them with the same clients. */
export async function startServers(clock: HandClock): Promise<{ readonly servers: Servers; readonly callers: readonly Caller[] }> {
  const settings = { VALHALLA_CORS_ORIGINS: 'http://pages.example', VALHALLA_MAX_ANSWER_BYTES: '200000' }
  tasks.length = 0
  BackgroundTask.prototype.open = function open(this: BackgroundTask<unknown>): void {
    tasks.push(this)
  }
  const start = (shortcuts: object) => startTestServer(settings, {}, { clock, shortcuts })
  const reference = await start({ isApolloSpared: false, isPlanned: false })
  const servers = { reference, short: await start({}), socket: await start({}) }
  const callers = ROLES.map(([name, role, clientType]) => {
    const { client, keyText } = clientWithKey({ name, role, clientType })
    return { record: client, key: keyText }
  })
  await mend(servers, callers)
  return { servers, callers }
}

/** Brings everything back that keeps callers from being answered: clients as they were, no rules, no maintenance. */
export function mend(servers: Servers, callers: readonly Caller[]): Promise<void> {
  return commitAll(servers, putBack, { clients: callers.map(({ record }) => record) })
}

/** Changes a client in a way that there is no mutation for. */
export function changeClient(servers: Servers, { record }: Caller, changes: Partial<ApiClientRecord>): Promise<void> {
  return commitAll(servers, changeOf, { id: record.id, changes })
}

async function commitAll<I extends object>(servers: Servers, command: Command<I, null>, input: I): Promise<void> {
  const call = { command, input, caller: SYSTEM_CALLER, correlationId: 'mend' }
  await Promise.all(Object.values(servers).map(({ services }) => services.ledger.commit(call)))
}

const changeOf: Command<{ id: string; changes: Partial<ApiClientRecord> }, null> = {
  name: 'changeClient',
  isRevertible: false,
  run(draft, { id, changes }) {
    const client = draft.view(apiClientCollection).get(id)
    if (client) draft.put(apiClientCollection, { ...client, ...changes, version: client.version + 1 })
    return done(null)
  },
}

const putBack: Command<{ clients: readonly ApiClientRecord[] }, null> = {
  name: 'putBack',
  isRevertible: false,
  run(draft, { clients }) {
    for (const client of clients) {
      const version = (draft.view(apiClientCollection).get(client.id)?.version ?? 0) + 1
      draft.put(apiClientCollection, { ...client, version })
    }
    for (const { id } of [...draft.view(rateLimitRuleCollection).values()]) draft.delete(rateLimitRuleCollection, id)
    for (const { id } of [...draft.view(maintenanceWindowCollection).values()]) draft.delete(maintenanceWindowCollection, id)
    const current = switchOf(draft.view(maintenanceSwitchCollection))
    if (current.mode !== 'NORMAL') {
      const normal = { ...current, mode: 'NORMAL' as const, reason: null, expiresAt: null, version: current.version + 1 }
      draft.put(maintenanceSwitchCollection, normal)
    }
    return done(null)
  },
}
