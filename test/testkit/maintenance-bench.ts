import { type ExecutionResult, type GraphQLSchema, parse, subscribe } from 'graphql'
import { expect } from 'vitest'
import type { Role } from '../../src/core/contract/caller.js'
import type { CoreServices } from '../../src/core/contract/core-services.js'
import type { Database } from '../../src/core/database/database.js'
import { ChangeLog } from '../../src/core/ledger/change-log.js'
import type { Ledger } from '../../src/core/ledger/ledger.js'
import type { Clock } from '../../src/core/platform/clock.js'
import { type Command, done } from '../../src/core/state/command.js'
import { guardSchema } from '../../src/enforcement/guard.js'
import { createMaintenanceGate } from '../../src/enforcement/maintenance-gate.js'
import { permissionsByRole } from '../../src/enforcement/permissions.js'
import { maintenance } from '../../src/packs/maintenance/index.js'
import { maintenanceSwitchCollection } from '../../src/packs/maintenance/maintenance-switch.collection.js'
import { maintenanceWindowCollection } from '../../src/packs/maintenance/maintenance-window.collection.js'
import { buildPackSchema } from '../../src/server/schema.js'
import { openTestDatabase } from './databases.js'
import { ask, callerWith, contextOf, coreOf } from './guarded-schema.js'
import { openTestLedger, run } from './ledger.js'

const permissions = permissionsByRole([maintenance])
const NOON = Date.UTC(2026, 5, 1, 12)

/** The text of the moment that is this many seconds after the noon of {@link MaintenanceBench.clock}. */
export const at = (seconds: number): string => new Date(NOON + seconds * 1000).toISOString()

/** The code of the first error, or `answered`. */
export const codeOf = ({ errors }: ExecutionResult): unknown => errors?.[0]?.extensions?.['code'] ?? 'answered'

/** Leaves a state without a switch and windows, as at the first start. */
const forgetAll: Command<object, null> = {
  name: 'forgetAll',
  isRevertible: false,
  run(draft) {
    for (const { id } of [...draft.view(maintenanceSwitchCollection).values()]) draft.delete(maintenanceSwitchCollection, id)
    for (const { id } of [...draft.view(maintenanceWindowCollection).values()]) draft.delete(maintenanceWindowCollection, id)
    return done(null)
  },
}

type Answer = Record<string, never>

/** The maintenance pack behind its guard, on a ledger of its own and a clock that the test sets. */
export class MaintenanceBench {
  /** A wall clock that stands still, and can be set back; `now` may be replaced, `reset` brings it back. */
  readonly clock: Clock & { seconds: number; now: () => Date }
  readonly ledger: Ledger
  readonly #database: Database
  readonly #schema: GraphQLSchema
  readonly #core: CoreServices

  private constructor(database: Database, ledger: Ledger, clock: MaintenanceBench['clock']) {
    this.#database = database
    this.ledger = ledger
    this.clock = clock
    this.#core = coreOf({ ledger, clock, changeLog: new ChangeLog(database) })
    const gate = createMaintenanceGate({ ledger, clock, audit: { record: () => undefined } })
    this.#schema = guardSchema(buildPackSchema([maintenance]), { permissions, checks: [gate], eventChecks: [gate] })
  }

  static async open(): Promise<MaintenanceBench> {
    const clock: MaintenanceBench['clock'] = { seconds: 0, now: () => standing(clock.seconds), monotonicMs: () => performance.now() }
    const database = await openTestDatabase('pglite')
    const ledger = await openTestLedger(database, { clock, collections: maintenance.collections })
    return new MaintenanceBench(database, ledger, clock)
  }

  /** Noon, and a state as at the first start. */
  async reset(): Promise<void> {
    this.clock.seconds = 0
    await run(this.ledger, forgetAll, {})
  }

  async close(): Promise<void> {
    await this.ledger.close()
    await this.#database.close()
  }

  /** Does what the server does before it listens. */
  async prepare(): Promise<void> {
    await maintenance.prepare?.({ ledger: this.ledger } as never, callerWith('ADMIN', permissions))
  }

  async as(role: Role, query: string): Promise<ExecutionResult<Answer>> {
    const contextValue = contextOf({ caller: callerWith(role, permissions), snapshot: this.ledger.snapshot, core: this.#core })
    return (await ask(this.#schema, query, contextValue)) as ExecutionResult<Answer>
  }

  /** What an ADMIN is answered, without errors. */
  async admin(query: string): Promise<Answer> {
    const { data, errors } = await this.as('ADMIN', query)
    expect(errors).toBe(undefined)
    return data as Answer
  }

  setMode(input: string): Promise<Answer> {
    return this.admin(
      `mutation { setMaintenanceMode(input: { ${input} }) { maintenanceState { mode switchMode reason expiresAt updatedAt } revision userErrors { code field } } }`,
    )
  }

  /** The id of a new window between two moments, in seconds after noon. */
  async schedule(start: number, end: number, more = ''): Promise<string> {
    const input = `startsAt: "${at(start)}", endsAt: "${at(end)}" ${more}`
    const { scheduleMaintenanceWindow: payload } = await this.admin(
      `mutation { scheduleMaintenanceWindow(input: { ${input} }) { maintenanceWindow { id } userErrors { code } } }`,
    )
    const { maintenanceWindow, userErrors } = payload as unknown as { maintenanceWindow: { id: string }; userErrors: unknown[] }
    expect(userErrors).toEqual([])
    return maintenanceWindow.id
  }

  async modeNow(): Promise<unknown> {
    return modeOf(await this.admin('{ maintenanceState { mode } }'))
  }

  /** A subscription to the mode, and the modes as they arrive. */
  async follow(role: Role = 'EVALUATOR') {
    const { ledger } = this
    const contextValue = contextOf({ caller: callerWith(role, permissions), snapshot: ledger.snapshot, core: this.#core })
    // The context of an event reads the newest state, as the server's do.
    Object.defineProperty(contextValue, 'snapshot', { get: () => ledger.snapshot })
    const document = parse('subscription { maintenanceState { mode } }')
    const events = await subscribe({ schema: this.#schema, document, contextValue })
    if (!(Symbol.asyncIterator in events)) throw new Error(JSON.stringify(events.errors))
    const modes: unknown[] = []
    const reading = (async () => {
      for await (const { data } of events) modes.push(modeOf(data))
    })()
    const stop = async (): Promise<void> => {
      await events.return?.(undefined)
      await reading
    }
    return { modes, stop }
  }
}

function standing(seconds: number): Date {
  return new Date(NOON + seconds * 1000)
}

function modeOf(data: Record<string, unknown> | null | undefined): unknown {
  return (data as { maintenanceState: { mode: unknown } }).maintenanceState.mode
}
