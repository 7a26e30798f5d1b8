import { expect, it } from 'vitest'
import { mapInSlices } from './slices.js'

/** Works on so many items, each of which takes longer than a slice; whether others had a turn before the result was there. */
async function isOvertaken(count: number): Promise<boolean> {
  let isTurned = false
  const later = setImmediate(() => {
    isTurned = true
  })
  const work = (item: number): number => {
    for (const startedAtMs = performance.now(); performance.now() - startedAtMs < 6; );
    return item * 2
  }
  const items = Array.from({ length: count }, (_, index) => index)
  expect(await mapInSlices(items, work)).toEqual(items.map((item) => item * 2))
  clearImmediate(later)
  return isTurned
}

it('work that takes long lets others have their turn between two items, and is not overtaken after the last one', async () => {
  expect(await isOvertaken(2)).toBe(true)
  expect(await isOvertaken(1)).toBe(false)
})
