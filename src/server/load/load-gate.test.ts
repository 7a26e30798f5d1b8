import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { ANONYMOUS } from '../../enforcement/authenticate.js'
import { packs } from '../../packs/index.js'
import { buildPackSchema } from '../schema.js'
import { LoadGate, OverloadError } from './load-gate.js'
import { createLoadKinds, type LoadKinds } from './load-kind.js'

const OPERATOR = { ...ANONYMOUS, permissions: new Set(['switch']) }
const kinds: LoadKinds = {
  kindOf: ({ query }) => (query === 'switch' ? 'switches' : query === 'rows' ? 'rows' : 'memory'),
  maySwitch: ({ permissions }) => permissions.has('switch'),
}

it('a turn that has gone on for too long begins nothing more but switches, and the next one does', async () => {
  const clock = { nowMs: 0, monotonicMs: () => clock.nowMs }
  const gate = new LoadGate(kinds, clock)
  gate.begin({ query: 'memory' })()
  clock.nowMs = 100_000
  // However slow the machine is: a few are no crowd.
  for (let index = 1; index < 64; index += 1) gate.begin({ query: 'memory' })()
  expect(() => gate.begin({ query: 'memory' })).toThrow(OverloadError)
  expect(() => gate.demandCalm(ANONYMOUS)).toThrow(OverloadError)
  // Who might throw a switch is heard to the end, and then told the same where it is none.
  gate.demandCalm(OPERATOR)
  expect(() => gate.begin({ query: 'rows' })).toThrow(OverloadError)
  gate.begin({ query: 'switch' })()
  await nextTurn()
  gate.begin({ query: 'memory' })()
  expect(Object.fromEntries(gate.shed)).toEqual({ turn: 3 })
})

it('an operation holds its place until it has ended, and gives it back once', () => {
  const gate = new LoadGate(kinds, { monotonicMs: () => 0 })
  const ends = Array.from({ length: 48 }, () => gate.begin({ query: 'rows' }))
  expect(() => gate.begin({ query: 'rows' })).toThrow(OverloadError)
  gate.begin({ query: 'memory' })()
  ends[0]?.()
  ends[0]?.()
  expect(gate.inFlight.rows).toBe(47)
  gate.begin({ query: 'rows' })
  expect(() => gate.begin({ query: 'rows' })).toThrow(OverloadError)
})

it('the first thousand of a second hear at once that there is too much to do', async () => {
  const gate = new LoadGate(kinds, { monotonicMs: () => 0 })
  const told: number[] = []
  for (let index = 0; index < 1_002; index += 1) void gate.patience().then(() => told.push(index))
  await nextTurn()
  expect(told).toHaveLength(1_000)
  await gate.patience()
  await nextTurn()
  expect(told).toHaveLength(1_002)
})

it('an operation is a switch where all of it is, however its input is written', () => {
  const { kindOf } = createLoadKinds(buildPackSchema(packs))
  const revert = (input: string): string => `mutation ($i: I, $o: Boolean) { revertRevision(input: ${input}) { revision } }`
  const inline = (text: string, variables?: object) => kindOf({ query: revert(text), variables })
  expect(inline('{ revision: 1, overrideMaintenance: true }')).toBe('switches')
  expect(inline('{ revision: 1, overrideMaintenance: $o }', { o: true })).toBe('switches')
  expect(inline('$i', { i: { overrideMaintenance: true } })).toBe('switches')
  expect(inline('$i', { i: { overrideMaintenance: false } })).not.toBe('switches')
  expect(inline('$i', { i: { overrideMaintenance: true } })).toBe('switches')
  expect(kindOf({ query: 'mutation { deactivateApiClient(input: { id: "x" }) { revision } }' })).toBe('switches')
  expect(
    kindOf({ query: 'mutation { deactivateApiClient(input: { id: "x" }) { revision } setFeatureFlag(input: {}) { revision } }' }),
  ).not.toBe('switches')
  expect(kindOf({ query: '{ a: featureFlags(first: 5) { nodes { ...F } } } fragment F on FeatureFlag { lastChange { id } }' })).toBe('rows')
  expect(kindOf({ query: '{ evaluateFlag(key: "changes") { isEnabled } }' })).toBe('memory')
  expect(kindOf({ query: '{ broken' })).toBe('memory')
})
