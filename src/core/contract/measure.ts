/** One number of a measure. */
export interface Sample {
  readonly value: number
  /** By the measure's `labelNames`; left out where it has none. */
  readonly labels?: Readonly<Record<string, string>>
}

/** Something that operators watch, as Prometheus has it. Whoever knows the number declares it; the server shows it. */
export interface Measure {
  /** `valhalla_<what>_<unit>`, a counter with `_total` at its end. */
  readonly name: string
  /** One sentence. */
  readonly help: string
  /** A counter only grows while the process lives. */
  readonly kind: 'counter' | 'gauge'
  /** Their values come from small closed sets, never from a client. */
  readonly labelNames?: readonly string[]
  /** Called when somebody collects, so that it has to be cheap; without samples the measure is not there (yet). */
  read(): Iterable<Sample>
}

/** A measure of one number. */
export function single(kind: Measure['kind'], name: string, { help, read }: { readonly help: string; read(): number }): Measure {
  return { kind, name, help, read: () => [{ value: read() }] }
}

/** Samples of numbers that are kept by the value of one label. */
export function samplesBy(label: string, numbers: Iterable<readonly [string, number]>): Sample[] {
  return [...numbers].map(([name, value]) => ({ value, labels: { [label]: name } }))
}
