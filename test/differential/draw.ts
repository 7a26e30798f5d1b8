import fc from 'fast-check'

/** Draws what a case is made of, one thing after the other: the same seed draws the same. */
export class Draw {
  readonly #generate: fc.GeneratorValue

  constructor(generate: fc.GeneratorValue) {
    this.#generate = generate
  }

  /** A whole number from 0 to `count` - 1. */
  below(count: number): number {
    return this.#generate(fc.nat, count - 1)
  }

  /** True so many times in a hundred. */
  chance(percent: number): boolean {
    return this.below(100) < percent
  }

  pick<T>(from: readonly [T, ...T[]] | readonly T[]): T {
    return from[this.below(from.length)] as T
  }

  /** One of these by its weight. */
  weighed<T extends string>(weights: Readonly<Record<T, number>>): T {
    const entries = Object.entries<number>(weights) as [T, number][]
    let rest = this.below(entries.reduce((sum, [, weight]) => sum + weight, 0))
    for (const [name, weight] of entries) {
      rest -= weight
      if (rest < 0) return name
    }
    throw new RangeError('there is nothing to draw from')
  }

  json(): unknown {
    return this.#generate(fc.jsonValue, { maxDepth: 2 })
  }

  /** Any text, of any script. */
  text(): string {
    return this.#generate(fc.string, { maxLength: 12, unit: 'grapheme' })
  }
}

/** What is made of the draws of a seed and a number within it. */
export function drawn<T>({ seed, number }: { readonly seed: number; readonly number: number }, make: (draw: Draw) => T): T {
  // Neighbouring seeds would begin alike.
  const mixed = Math.imul(Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ (number + 1), 0xc2b2ae35) ^ (number << 7)
  const [made] = fc.sample(
    fc.gen().map((generate) => [make(new Draw(generate))]),
    { seed: mixed | 0, numRuns: 1, unbiased: true },
  )
  return (made as [T])[0]
}
