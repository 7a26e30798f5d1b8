import { describe, expect, it } from 'vitest'
import { type Attempt, type AttemptOutcome, auditWrites, compareStates, type LoggedChange, lastOfEach } from './write-audit.js'

const attempt = (correlationId: string, value: number, outcome: AttemptOutcome, client = 'a'): Attempt => {
  return { client, correlationId, targetType: 'ConfigEntry', key: 'k', content: { value }, outcome }
}
const acknowledged = (revision: number, version = revision): AttemptOutcome => ({ kind: 'acknowledged', revision, version })
const change = (revision: number, correlationId: string, value: number): LoggedChange => {
  const after = { key: 'k', value, version: revision }
  return { id: `${revision}.0`, revision, targetType: 'ConfigEntry', action: 'UPDATE', before: null, after, correlationId }
}

const ATTEMPTS = [
  attempt('x', 10, acknowledged(1)),
  attempt('y', 20, acknowledged(2)),
  attempt('r', 25, { kind: 'refused', codes: ['STALE_VERSION'] }, 'b'),
  attempt('u', 30, { kind: 'unanswered' }),
]
const LOG = [change(1, 'x', 10), change(2, 'y', 20), change(3, 'u', 30)]

describe('an audit of writes', () => {
  it('finds nothing where the log is what was acknowledged, whether an unanswered write has landed or not', () => {
    expect(auditWrites(ATTEMPTS, LOG, { since: 0, head: 3 })).toEqual({ violations: [], lost: 0, gaps: 0, landed: 1 })
    expect(auditWrites(ATTEMPTS, LOG.slice(0, 2), { since: 0, head: 2 })).toEqual({ violations: [], lost: 0, gaps: 0, landed: 0 })
  })

  it.each([
    ['an acknowledged write that is missing', ATTEMPTS, [change(1, 'x', 10), change(2, 'u', 30)], 2, { lost: 1, gaps: 0, landed: 1 }],
    ['a missing revision', ATTEMPTS.toSpliced(1, 1), LOG.toSpliced(1, 1), 3, { lost: 0, gaps: 1, landed: 1 }],
    ['a cut tail', ATTEMPTS, LOG.slice(0, 2), 3, { lost: 0, gaps: 1, landed: 0 }],
    ['another content', ATTEMPTS, LOG.with(1, change(2, 'y', 21)), 3, { lost: 1, gaps: 0, landed: 1 }],
    ['another revision', ATTEMPTS.with(1, attempt('y', 20, acknowledged(3, 2))), LOG, 3, { lost: 1, gaps: 0, landed: 1 }],
    ['another version', ATTEMPTS.with(1, attempt('y', 20, acknowledged(2, 9))), LOG, 3, { lost: 1, gaps: 0, landed: 1 }],
    ['a refused write that has landed', ATTEMPTS, LOG.with(2, change(3, 'r', 25)), 3, { lost: 0, gaps: 0, landed: 0 }],
    ['a write that has landed twice', ATTEMPTS, [...LOG, change(4, 'u', 30)], 4, { lost: 0, gaps: 0, landed: 2 }],
    ['a change that nobody asked for', ATTEMPTS, [...LOG, change(4, 'z', 1)], 4, { lost: 0, gaps: 0, landed: 1 }],
    ['changes out of order', ATTEMPTS, [change(1, 'x', 10), change(3, 'u', 30), change(2, 'y', 20)], 3, { lost: 0, gaps: 0, landed: 1 }],
  ])('reports %s in one line', (_, attempts, log, head, counts) => {
    const { violations, ...found } = auditWrites(attempts, log, { since: 0, head })
    expect(violations).toHaveLength(1)
    expect(found).toEqual(counts)
  })

  it('reports revisions that go back for one client', () => {
    const attempts = [attempt('y', 20, acknowledged(2)), attempt('x', 10, acknowledged(1))]
    expect(auditWrites(attempts, LOG.slice(0, 2), { since: 0, head: 2 }).violations).toEqual([
      'revision 2 was acknowledged to the same client before: ConfigEntry k {"value":10}, {"kind":"acknowledged","revision":1,"version":1} to a as x',
    ])
  })

  it('reports every object that is not what its last change left', () => {
    const deleted: LoggedChange = { ...change(4, 'd', 0), action: 'DELETE', before: { key: 'gone' }, after: null }
    const last = lastOfEach([...LOG, deleted])
    expect(compareStates(last, new Map([['ConfigEntry k', { version: 3, value: 30, key: 'k' }]]))).toEqual([])
    expect(compareStates(last, new Map([['ConfigEntry gone', { key: 'gone' }]]))).toEqual([
      'ConfigEntry k is null, and its last change left {"key":"k","value":30,"version":3}',
      'ConfigEntry gone is {"key":"gone"}, and its last change left null',
    ])
  })
})
