import { expect, it } from 'vitest'
import { closingLimitMs } from './closing-limit.js'

it('leaves time for running requests, for writes that were accepted and for letting go', () => {
  expect(closingLimitMs({ shutdownDelayMs: 0, shutdownGraceMs: 0, writeTimeoutMs: 60_000 })).toBe(70_000)
  expect(closingLimitMs({ shutdownDelayMs: 5_000, shutdownGraceMs: 600_000, writeTimeoutMs: 2_000 })).toBe(617_000)
})
