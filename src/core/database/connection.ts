import type { Socket } from 'node:net'
import type pg from 'pg'
import { endsWithin } from './within.js'

/** A statement, and how long its server may say nothing at all before the connection counts as dead; in milliseconds, for ever without one. */
export interface Asked extends pg.QueryConfig {
  readonly query_timeout?: number
  readonly quietMs?: number | undefined
}

/**
 * A connection in use. A network can lose one without a word: then no answer comes, and no error either. One on which nothing
 * arrives in time is taken down, and so is one on which anything failed; neither is handed to anybody else.
 */
export class Connection {
  readonly #client: pg.PoolClient
  #failure: Error | undefined

  private constructor(client: pg.PoolClient) {
    this.#client = client
  }

  /** Uses a connection of the pool for `work`. */
  static async use<T>(pool: pg.Pool, work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = new Connection(await pool.connect())
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
      if (received() === before) throw new Error(`nothing came back for ${quietMs} ms`)
    }
    return answer
  }

  /** Asks several statements one after the other without waiting for answers between them; the answers in order. */
  async together(questions: readonly Asked[]): Promise<readonly pg.QueryResult[]> {
    // One packet, which wakes the server once.
    this.#socket.cork()
    const answers = questions.map((question) => this.query(question))
    this.#socket.uncork()
    return Promise.all(answers)
  }

  /** Does work in a transaction, which is taken back where it says false or fails. */
  async transact(work: () => Promise<boolean>): Promise<boolean> {
    await this.query({ text: 'BEGIN' })
    let isDone = false
    try {
      isDone = await work()
    } finally {
      await this.query({ text: isDone ? 'COMMIT' : 'ROLLBACK' })
    }
    return isDone
  }

  get #socket(): Socket {
    return this.#client.connection.stream as Socket
  }
}
