import { expect, it } from 'vitest'
import { derived } from './derived.js'

it('what follows from a record is made once for each record, and what fails is tried again', () => {
  let made = 0
  const of = derived((record: { readonly key: string | null }) => {
    made += 1
    if (record.key === null) throw new Error('no key')
    return { key: record.key }
  })
  const [first, same, broken] = [{ key: 'a' }, { key: 'a' }, { key: null }]
  expect(of(first)).toBe(of(first))
  expect(of(same)).not.toBe(of(first))
  expect(made).toBe(2)
  expect(() => of(broken)).toThrow('no key')
  expect(() => of(broken)).toThrow('no key')
  expect(made).toBe(4)
})
