/** Makes something for an owner. The function itself is its name: asked for again, what it made before is there. */
export type Part<O, T> = (owner: O) => T

/** Which part is made in place of another one. */
export type Bindings<O> = ReadonlyMap<Part<O, unknown>, Part<O, unknown>>

/** What belongs to one owner (a server, a request) and is made when it is first asked for. */
export class Once<O> {
  readonly #owner: O
  readonly #bindings: Bindings<O>
  readonly #made = new Map<Part<O, unknown>, unknown>()

  constructor(owner: O, bindings: Bindings<O> = new Map()) {
    this.#owner = owner
    this.#bindings = bindings
  }

  get<T>(part: Part<O, T>): T {
    // What is bound to a part is the same thing under both names.
    const maker = this.#bindings.get(part) ?? part
    if (!this.#made.has(maker)) this.#made.set(maker, maker(this.#owner))
    return this.#made.get(maker) as T
  }
}

/** A part that somebody else brings: whoever puts the packs together binds it. */
export function port<O, T>(name: string): Part<O, T> {
  return () => {
    throw new TypeError(`nobody brings ${name}: bind it where the packs are put together`)
  }
}
