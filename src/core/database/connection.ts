import type { Socket } from 'node:net'
import type pg from 'pg'
import { endsWithin } from './within.js'

/** A statement, and how long its server may say nothing at all before the connection counts as dead; in milliseconds, for ever without one. */
export interface Asked extends pg.QueryConfig {
  readonly query_timeout?: number
  readonly quietMs?: number | undefined
}

/** Settings of a pool; what `pipeline` means is not in the types of `pg` yet. */
export interface PoolConfig extends pg.PoolConfig {
  readonly pipeline?: boolean
}

/**
 * A connection in use. A network can lose one without a word: then no answer comes, and no error either. One on which nothing
 * arrives in time is taken down, and so is one on which anything failed; neither is handed to anybody else.
 */
export class Connection {
  readonly #client: pg.PoolClient
  readonly #isPipelined: boolean
  #failure: Error | undefined

  private constructor(client: pg.PoolClient, isPipelined: boolean) {
    this.#client = client
    this.#isPipelined = isPipelined
  }

  /** Uses a connection of the pool for `work`. */
  static async use<T>(pool: pg.Pool, work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = new Connection(await pool.connect(), Boolean((pool.options as PoolConfig).pipeline))
    try {
      return await work(connection)
    } catch (error) {
      connection.#failure = error instanceof Error ? error : new Error(String(error))
      throw error
    } finally {
      connection.#client.release(connection.#failure)
    }
  }

  /** Asks one statement. */
  async query<R extends pg.QueryResultRow>({ quietMs, ...question }: Asked): Promise<pg.QueryResult<R>> {
    const answer = this.#client.query<R>(question)
    if (quietMs === undefined) return answer
    // Whoever stopped waiting does not hear of its end any more.
    answer.catch(() => undefined)
    const received = (): number => this.#socket.bytesRead
    for (let before = received(); !(await endsWithin(answer, quietMs)); before = received()) {
      if (received() > before) continue
      // A pipelined client that is let go waits for its answers first.
      this.#socket.destroy()
      throw new Error(`nothing came back for ${quietMs} ms`)
    }
    return answer
  }

  /** Asks several statements one after the other, where the pool is pipelined without waiting for answers between them; the answers in order. */
  async together(questions: readonly Asked[]): Promise<readonly pg.QueryResult[]> {
    if (!this.#isPipelined) {
      const answers: pg.QueryResult[] = []
      for (const question of questions) answers.push(await this.query(question))
      return answers
    }
    // One packet, which wakes the server once.
    this.#socket.cork()
    const answers = questions.map((question) => this.query(question))
    this.#socket.uncork()
    return Promise.all(answers)
  }

  /** Does work in a transaction, which is taken back where it says false or fails. */
  async transact(work: () => Promise<boolean>): Promise<boolean> {
    await this.query({ text: 'BEGIN' })
    try {
      const isDone = await work()
      await this.query({ text: isDone ? 'COMMIT' : 'ROLLBACK' })
      return isDone
    } catch (error) {
      await this.query({ text: 'ROLLBACK' }).catch(() => undefined)
      throw error
    }
  }

  /** Throws Error when the server has ended the session, so that nothing can be sent to it any more. */
  assertOpen(): void {
    if (!this.#socket.writable) throw new Error('the server has ended the session')
  }

  get #socket(): Socket {
    return this.#client.connection.stream as Socket
  }
}
