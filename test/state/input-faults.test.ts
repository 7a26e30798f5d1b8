import { expect, it } from 'vitest'
import type { Command } from '../../src/core/state/command.js'
import { findInputFaults } from '../../src/core/state/input.js'
import { setFeatureFlag } from '../../src/packs/feature-flags/feature-flag.commands.js'

const reasonOf = async (input: object, reason: string) =>
  (await findInputFaults({ command: setFeatureFlag as unknown as Command<object, unknown>, input, reason })).faults

it('a bad reason is reported once, whether it is a part of the input or not', async () => {
  const reason = 'a\u0000b'
  expect(await reasonOf({ key: 'a', reason }, reason)).toMatchObject([{ code: 'INVALID', field: ['reason'] }])
  expect(await reasonOf({ key: 'a' }, reason)).toMatchObject([{ code: 'INVALID', field: ['reason'] }])
})
