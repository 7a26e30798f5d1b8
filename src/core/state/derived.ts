/**
 * What follows from a record alone, such as a rule in the form in which it is applied: made when it is first asked for, and forgotten
 * together with the record. What `derive` throws is thrown each time.
 */
export function derived<R extends object, T>(derive: (record: R) => T): (record: R) => T {
  const known = new WeakMap<R, T>()
  return (record) => {
    const before = known.get(record)
    if (before !== undefined) return before
    const made = derive(record)
    known.set(record, made)
    return made
  }
}
