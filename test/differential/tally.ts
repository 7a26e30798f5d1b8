/** Counts by name. */
export class Counts {
  readonly #counts = new Map<string, number>()

  note(name: string, count = 1): void {
    this.#counts.set(name, this.of(name) + count)
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0
  }

  toString(): string {
    return [...this.#counts]
      .map(([name, count]) => `${name} ${count}`)
      .sort()
      .join(', ')
  }
}

/** What a run has come to. */
export class Tally {
  readonly kinds = new Counts()
  readonly outcomes = new Counts()
  /** Executions as `<server> by <way>`. */
  readonly ways = new Counts()
  failedCount = 0

  /** Whether the ways were taken that are said to be compared. */
  get isTaken(): boolean {
    const { ways } = this
    const isReference = ways.of('reference by short') + ways.of('reference by socket') === 0
    return isReference && ways.of('short by short') > ways.of('short by apollo') && ways.of('socket by socket') > 0
  }
}
