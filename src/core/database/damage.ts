import { damageOf } from './database-error.js'

/** Where it is told, once. */
interface DamageLog {
  info(details: object, message: string): void
  error(details: object, message: string): void
}

/** What is known of damaged files below the database: nobody but a person can mend them, so that it stands until the state was read as a whole again. */
export class Damage {
  readonly #log: DamageLog
  #text: string | undefined

  constructor(log: DamageLog) {
    this.#log = log
  }

  /** For people, without names of files; undefined while nothing is known of any. */
  get text(): string | undefined {
    return this.#text
  }

  /** Remembers what an error says of damage, if it does. */
  note(error: unknown): void {
    const found = damageOf(error)
    if (found === undefined || found === this.#text) return
    this.#text = found
    this.#log.error({ err: error }, found)
  }

  /** The whole state could be read. */
  clear(): void {
    if (this.#text !== undefined) this.#log.info({}, 'the state could be read as a whole again: the database counts as mended')
    this.#text = undefined
  }
}
