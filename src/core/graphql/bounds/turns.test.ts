import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Pace } from './turns.js'

/** How many of all that wait at once for their objects, or to be looked through, go on in each turn of the event loop. */
async function turnsOf(count: number, wait: (pace: Pace) => undefined | Promise<void>): Promise<number[]> {
  const pace = new Pace()
  const perTurn: number[] = [0]
  let left = count
  for (let index = 0; index < count; index += 1)
    void Promise.resolve(wait(pace)).then(() => {
      left -= 1
      perTurn.push((perTurn.pop() ?? 0) + 1)
    })
  while (left > 0) {
    await nextTurn()
    perTurn.push(0)
  }
  return perTurn.filter((passed) => passed > 0)
}

it('pages that are there at once are put together in several turns, a few in each', async () => {
  expect(await turnsOf(20, (pace) => pace.pass(40))).toEqual([3, 3, 3, 3, 3, 3, 2])
})

it('large values that are there at once are looked through in several turns, in the order in which they came', async () => {
  const order: number[] = []
  const look = async (pace: Pace, index: number): Promise<void> => {
    for (let room = pace.room(); room; room = pace.room()) await room
    pace.note(40 * 1_024)
    order.push(index)
  }
  let index = 0
  expect(await turnsOf(10, (pace) => look(pace, index++))).toEqual([3, 3, 3, 1])
  expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})
