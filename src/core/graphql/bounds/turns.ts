import { setImmediate as nextTurn } from 'node:timers/promises'

/** Objects that are put together in one turn of the event loop: a few milliseconds of work. */
const OBJECTS_PER_TURN = 100

/** Bytes of JSON values whose counting takes as long as putting an object together. */
const BYTES_PER_OBJECT = 1_024

/** Records that are looked at in one turn: a millisecond or two of comparing texts. */
const RECORDS_PER_TURN = 1_000

let queue: Promise<unknown> = Promise.resolve()

/** Waits for a turn of the event loop of its own: of all long walks of the process one goes on in each, and whatever came in between goes first. */
export function ownTurn(): Promise<void> {
  const turn = queue.then(() => nextTurn())
  queue = turn
  return turn
}

/** Shows `visit` one item after the other until it answers false: in turns where there are many, and without a promise where there are few. */
export function walk<T>(items: Iterator<T>, visit: (item: T) => boolean): undefined | Promise<void> {
  for (let count = 0; count < RECORDS_PER_TURN; count += 1) {
    const { done, value } = items.next()
    if (done || !visit(value)) return undefined
  }
  return ownTurn().then(() => walk(items, visit))
}

/** What `work` makes of each item, in turns of the event loop where there are many: what comes in a later one is a promise. */
export function inTurns<T, R>(items: readonly T[], work: (item: T) => R): (R | Promise<R>)[] {
  let turn: Promise<void> | undefined
  return items.map((item, index) => {
    if (index > 0 && index % OBJECTS_PER_TURN === 0) turn = ownTurn()
    return turn === undefined ? work(item) : turn.then(() => work(item))
  })
}

/** What one answer is put together of, in turns of the event loop. */
export class Pace {
  #inTurn = 0
  #next: Promise<void> | undefined

  /** To be waited for before so many objects are put together; nothing while there is room in this turn. */
  pass(objects: number): undefined | Promise<void> {
    const room = this.room()
    if (room !== undefined) return room.then(() => this.pass(objects))
    this.#inTurn += objects
    return undefined
  }

  /** To be waited for before one more value is looked through, and then asked again; nothing while there is room in this turn. */
  room(): undefined | Promise<void> {
    if (this.#inTurn < OBJECTS_PER_TURN) return undefined
    this.#next ??= ownTurn().then(() => {
      this.#next = undefined
      this.#inTurn = 0
    })
    return this.#next
  }

  /** Notes that a value of so many bytes was looked through. */
  note(bytes: number): void {
    this.#inTurn += bytes / BYTES_PER_OBJECT
  }
}

/** The pace of a call. */
export const pace = (): Pace => new Pace()
