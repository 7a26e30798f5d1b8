import { expect, it } from 'vitest'
import { closingLimitMs } from './closing-limit.js'

it('leaves time for running requests, for writes that were accepted and for letting go', () => {
  expect(closingLimitMs({ shutdownGraceMs: 0, writeTimeoutMs: 60_000 })).toBe(70_000)
  expect(closingLimitMs({ shutdownGraceMs: 600_000, writeTimeoutMs: 2_000 })).toBe(612_000)
})
