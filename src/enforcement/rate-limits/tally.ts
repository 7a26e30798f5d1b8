import type { AppliedRule } from './rule-book.js'

/** Subjects whose counters are reported, at most. */
export const MAX_REPORTED = 10_000

/** What happened to one subject of a rule since it was last reported. */
export interface TallyEntry {
  /** As the rule was when it was last applied: a rule that was changed in between is still the same rule. */
  applied: AppliedRule
  calls: number
  denials: number
}

/** What is reported in one row: a rule's window is not part of it, since that may be changed. */
function keyOf({ rule, subject }: AppliedRule): string {
  return `${rule.id}\u0000${subject}`
}

/** Which counters have moved: bounded, the busiest first. */
export class Tally {
  #entries = new Map<string, TallyEntry>()

  get size(): number {
    return this.#entries.size
  }

  /** Notes a call. Costs one look-up. */
  note(applied: AppliedRule, isDenied: boolean): void {
    const key = keyOf(applied)
    let entry = this.#entries.get(key)
    if (!entry) {
      if (this.#entries.size >= 2 * MAX_REPORTED) this.#entries = new Map(this.#busiest())
      entry = { applied, calls: 0, denials: 0 }
      this.#entries.set(key, entry)
    }
    entry.applied = applied
    entry.calls += 1
    if (isDenied) entry.denials += 1
  }

  /** Hands over the busiest, and begins anew. */
  takeBusiest(): TallyEntry[] {
    const busiest = this.#busiest()
    this.#entries = new Map()
    return busiest.map(([, entry]) => entry)
  }

  /** Takes back what could not be reported. */
  putBack(entries: readonly TallyEntry[]): void {
    for (const { applied, calls, denials } of entries) {
      const key = keyOf(applied)
      const newer = this.#entries.get(key)
      if (newer) {
        newer.calls += calls
        newer.denials += denials
      } else if (this.#entries.size < 2 * MAX_REPORTED) this.#entries.set(key, { applied, calls, denials })
    }
  }

  #busiest(): [string, TallyEntry][] {
    if (this.#entries.size <= MAX_REPORTED) return [...this.#entries]
    return [...this.#entries].sort(([, a], [, b]) => b.calls - a.calls).slice(0, MAX_REPORTED)
  }
}
