import { expect, it } from 'vitest'
import type { Command } from '../../src/core/state/command.js'
import { findInputFaults } from '../../src/core/state/input.js'
import { setFeatureFlag } from '../../src/packs/feature-flags/feature-flag.commands.js'

const reasonOf = (input: object, reason: string) =>
  findInputFaults({ command: setFeatureFlag as unknown as Command<object, unknown>, input, reason }).faults

it('a bad reason is reported once, whether it is a part of the input or not', () => {
  const reason = 'a\u0000b'
  expect(reasonOf({ key: 'a', reason }, reason)).toMatchObject([{ code: 'INVALID', field: ['reason'] }])
  expect(reasonOf({ key: 'a' }, reason)).toMatchObject([{ code: 'INVALID', field: ['reason'] }])
})
