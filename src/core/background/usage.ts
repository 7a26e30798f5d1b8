import type { QueryableDatabase } from '../database/database.js'
import type { Clock } from '../platform/clock.js'
import type { Log } from '../platform/log.js'
import { BackgroundTask } from './background-task.js'

/** What is counted: the last evaluation of a flag (by key), the last use of a client (by id). */
export type UsageKind = 'flag' | 'client'

/** How often marks are written and those of other replicas are read, in milliseconds. */
const FLUSH_EVERY_MS = 30_000
/** Every so many rounds all marks are read: a mark that was written late, after an outage, is older than what is looked for. */
const READ_ALL_EVERY_ROUNDS = 10

/**
 * When things were last used. Counted, not decided: a mark is a store in memory, and goes to the database in batches off the
 * request path. A failing flush loses nothing but time, as the marks stay for the next one.
 */
export class UsageMarks {
  readonly #database: QueryableDatabase
  readonly #clock: Clock
  readonly #task: BackgroundTask
  /** When, in milliseconds since 1970, by kind and key. */
  readonly #marks = { flag: new Map<string, number>(), client: new Map<string, number>() }
  readonly #dirty = { flag: new Set<string>(), client: new Set<string>() }
  readonly #moved = { flag: new Set<Set<string>>(), client: new Set<Set<string>>() }
  #readUpTo = new Date(0)
  #rounds = 0

  constructor(options: { database: QueryableDatabase; clock: Clock; log: Log }) {
    this.#database = options.database
    this.#clock = options.clock
    this.#task = new BackgroundTask({ name: 'flushing usage marks', everyMs: FLUSH_EVERY_MS, log: options.log, work: () => this.#flush() })
  }

  /** Notes that something is used now. Costs two map writes. */
  touch(kind: UsageKind, key: string): void {
    this.#marks[kind].set(key, this.#clock.now().getTime())
    this.#dirty[kind].add(key)
  }

  /**
   * When something was last used, as far as this replica knows (others' marks arrive within a minute after they
   * are written, or within six where their replica could not write them at once); null for never.
   */
  lastAt(kind: UsageKind, key: string): Date | null {
    const at = this.#marks[kind].get(key)
    return at === undefined ? null : new Date(at)
  }

  /**
   * What tells, each time it is called, the keys whose marks have moved since the call before (all at first, and maybe some that
   * have not). Costs nothing where marks are made.
   */
  follow(kind: UsageKind): () => readonly string[] {
    const moved = new Set(this.#marks[kind].keys())
    this.#moved[kind].add(moved)
    return () => {
      const keys = [...moved, ...this.#dirty[kind]]
      moved.clear()
      return keys
    }
  }

  /** Reads all marks and goes on flushing until closed. */
  async open(): Promise<void> {
    await this.#read()
    this.#task.open()
  }

  /** Writes the new marks and reads those of other replicas. Never throws. */
  flush(): Promise<void> {
    return this.#task.run()
  }

  /** Flushes for the last time. */
  close(): Promise<void> {
    return this.#task.close()
  }

  async #flush(): Promise<void> {
    const rows = (['flag', 'client'] as const).flatMap((kind) =>
      [...this.#dirty[kind]].map((key) => ({ kind, key, last_at: this.lastAt(kind, key)?.toISOString() })),
    )
    for (const { kind, key } of rows) this.#noteMoved(kind, key)
    for (const keys of Object.values(this.#dirty)) keys.clear()
    try {
      if (rows.length > 0) {
        await this.#database.assertWritable()
        const text = `INSERT INTO usage_marks (kind, key, last_at)
          SELECT r.kind, r.key, r.last_at FROM json_populate_recordset(NULL::usage_marks, $1::json) r
          ON CONFLICT (kind, key) DO UPDATE SET last_at = GREATEST(usage_marks.last_at, excluded.last_at)`
        await this.#database.ask(text, [JSON.stringify(rows)])
      }
      if (this.#database.isShared) await this.#read()
    } catch (error) {
      for (const { kind, key } of rows) this.#dirty[kind].add(key)
      throw error
    }
  }

  #noteMoved(kind: UsageKind, key: string): void {
    for (const moved of this.#moved[kind]) moved.add(key)
  }

  async #read(): Promise<void> {
    const text = 'SELECT kind, key, last_at FROM usage_marks WHERE last_at > $1'
    if (this.#rounds % READ_ALL_EVERY_ROUNDS === 0) this.#readUpTo = new Date(0)
    const { rows } = await this.#database.ask<{ kind: UsageKind; key: string; last_at: Date }>(text, [this.#readUpTo])
    for (const { kind, key, last_at } of rows) {
      this.#marks[kind].set(key, Math.max(this.#marks[kind].get(key) ?? 0, last_at.getTime()))
      this.#noteMoved(kind, key)
    }
    this.#rounds += 1
    // Clocks differ and flushes take a while: look back over two rounds, a mark read twice does no harm.
    this.#readUpTo = new Date(this.#clock.now().getTime() - 2 * FLUSH_EVERY_MS)
  }
}
