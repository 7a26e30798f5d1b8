import type { ActorRef, ClientType } from '../../../core/contract/caller.js'
import type { QueryableDatabase } from '../../../core/database/database.js'
import type { Prisma } from '../../../generated/prisma/client.js'
import type { SmokeTestRunModel } from '../../../generated/prisma/models.js'
import type { SmokeCheckResult, SmokeTestRun } from './smoke-test.types.js'

/** Runs that are kept. */
export const MAX_RUNS = 1_000

/** The runs that have ended, in the database. Everything here answers UNAVAILABLE while it is away. */
export class SmokeRunStore {
  readonly #database: QueryableDatabase

  constructor(database: QueryableDatabase) {
    this.#database = database
  }

  /** Keeps a run, and lets go of the oldest ones. Keeping one twice does no harm. */
  async save(run: SmokeTestRun): Promise<void> {
    const data = toRow(run)
    await this.#database.assertWritable()
    await this.#database.askPrisma(({ smokeTestRun }) => smokeTestRun.createMany({ data: [data], skipDuplicates: true }))
    const text = 'DELETE FROM smoke_test_runs WHERE id IN (SELECT id FROM smoke_test_runs ORDER BY id DESC OFFSET $1)'
    await this.#database.ask(text, [MAX_RUNS])
  }

  /** The run with this id, or null. */
  async find(id: string): Promise<SmokeTestRun | null> {
    const row = await this.#database.askPrisma(({ smokeTestRun }) => smokeTestRun.findUnique({ where: { id } }))
    return row && toRecord(row)
  }

  /** Newest first, at most `take`, beginning behind the run `after`. */
  async page(take: number, after: string | undefined): Promise<SmokeTestRun[]> {
    const where = after === undefined ? {} : { id: { lt: after } }
    const rows = await this.#database.askPrisma(({ smokeTestRun }) => smokeTestRun.findMany({ where, orderBy: { id: 'desc' }, take }))
    return rows.map(toRecord)
  }

  /** The runs that have ended at this time or later, in the order in which they began. */
  async endedSince(time: Date): Promise<SmokeTestRun[]> {
    const where = { finishedAt: { gte: time } }
    const rows = await this.#database.askPrisma(({ smokeTestRun }) => smokeTestRun.findMany({ where, orderBy: { id: 'asc' } }))
    return rows.map(toRecord)
  }

  /** How many of these ids, or of all runs, there are. */
  count(ids?: readonly string[]): Promise<number> {
    const where = ids ? { id: { in: [...ids] } } : {}
    return this.#database.askPrisma(({ smokeTestRun }) => smokeTestRun.count({ where }))
  }
}

function toRow(run: SmokeTestRun): Prisma.SmokeTestRunCreateManyInput {
  const { id, baseUrl, isOk, startedAt, finishedAt, durationMs, results, triggeredBy } = run
  return {
    id,
    baseUrl,
    isOk,
    startedAt,
    finishedAt: finishedAt ?? startedAt,
    durationMs: durationMs ?? 0,
    results: results.map((result) => ({ ...result })),
    actorId: triggeredBy?.id ?? null,
    actorName: triggeredBy?.name ?? null,
    actorClientType: triggeredBy?.clientType ?? null,
  }
}

function toRecord({ actorId, actorName, actorClientType, results, ...run }: SmokeTestRunModel): SmokeTestRun {
  const triggeredBy: ActorRef | null =
    actorId === null ? null : { id: actorId, name: actorName ?? '', clientType: actorClientType as ClientType | null }
  return { ...run, results: results as unknown as readonly SmokeCheckResult[], triggeredBy }
}
