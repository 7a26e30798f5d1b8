import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { ChangeLog } from '../../src/core/ledger/change-log.js'
import { GENESIS_DIGEST, verifyChain } from '../../src/core/ledger/digest.js'
import { type ChangeRecord, fromChangeRow, toChangeRow } from '../../src/core/state/change.js'
import type { JsonObject } from '../../src/core/values/json.js'
import { setConfig } from '../../src/packs/config-registry/config-entry.commands.js'
import { setFeatureFlag } from '../../src/packs/feature-flags/feature-flag.commands.js'
import { deletionOf } from '../testkit/commands.js'
import { ENGINES, openTestDatabase } from '../testkit/databases.js'
import { AUDIT_KEY, collect, openTestLedger, run, TESTER } from '../testkit/ledger.js'

const deleteFeatureFlag = deletionOf<'key'>('deleteFeatureFlag')

const TAMPERINGS = 1_000
const start = { revision: 0, digest: GENESIS_DIGEST }

let logRows: readonly JsonObject[]
let log: ChangeRecord[]
let head: { revision: number; digest: string }

beforeAll(async () => {
  const database = await openTestDatabase(ENGINES[0] ?? 'pglite')
  const ledger = await openTestLedger(database)
  for (let round = 0; round < 12; round += 1) {
    await run(ledger, setFeatureFlag, { key: `flag-${round % 5}`, description: `round ${round}`, group: 'test' })
    await ledger.commit({
      command: setConfig,
      input: { key: 'limit', value: { max: round, of: [round, null, 'x'] } },
      caller: TESTER,
      correlationId: `c${round}`,
      reason: round % 2 ? 'why not' : null,
    })
    if (round % 4 === 3) await run(ledger, deleteFeatureFlag, { key: 'flag-1' })
  }
  log = await collect(new ChangeLog(database).stream({}))
  logRows = log.map(toChangeRow)
  head = { revision: ledger.snapshot.revision, digest: ledger.snapshot.digest }
  await ledger.close()
  await database.close()
})

/** Another value of the same kind. */
function altered(value: unknown, seed: number): unknown {
  if (value === null) return seed % 2 ? 'x' : { x: 1 }
  if (typeof value === 'boolean') return !value
  if (typeof value === 'number') return value + 1 + (seed % 7)
  if (typeof value === 'string' && /^\d{4}-\d\d-/.test(value)) return new Date(Date.parse(value) + 1 + (seed % 1000)).toISOString()
  if (typeof value === 'string')
    return seed % 2 ? `${value}x` : `x${value.slice(1)}` === value ? `y${value.slice(1)}` : `x${value.slice(1)}`
  const object = value as Record<string, unknown>
  const keys = Object.keys(object)
  const key = keys[seed % keys.length]
  if (key === undefined || seed % 3 === 0) return { ...object, added: seed }
  if (seed % 3 === 1) return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key))
  return { ...object, [key]: altered(object[key], seed >> 2) }
}

const seed = fc.nat()
const tampering = fc.oneof(
  fc.record({ kind: fc.constant('edit' as const), seed, field: seed }),
  fc.record({ kind: fc.constant('delete' as const), seed }),
  fc.record({ kind: fc.constant('swap' as const), seed, other: seed }),
  fc.record({ kind: fc.constant('insert' as const), seed, other: seed }),
)

function tamper(how: typeof tampering extends fc.Arbitrary<infer T> ? T : never): ChangeRecord[] {
  const rows: Record<string, unknown>[] = [...logRows]
  const place = how.seed % rows.length
  const row = rows[place] as JsonObject
  if (how.kind === 'delete') rows.splice(place, 1)
  else if (how.kind === 'edit') {
    const fields = Object.keys(row)
    const field = fields[how.field % fields.length] as string
    rows[place] = { ...row, [field]: altered(row[field], how.seed) }
  } else {
    const other = (place + 1 + (how.other % (rows.length - 1))) % rows.length
    const moved = rows[other] as JsonObject
    // Rows are read in the order of their numbers: swapped ones have swapped contents, inserted ones are doubles.
    if (how.kind === 'insert') rows.splice(other, 0, row)
    else {
      rows[place] = { ...moved, revision: row['revision'], ordinal: row['ordinal'] }
      rows[other] = { ...row, revision: moved['revision'], ordinal: moved['ordinal'] }
    }
  }
  return rows.map((row) => fromChangeRow(row as JsonObject))
}

describe('the digest chain', () => {
  it('is intact as it was written, also after its rows went through JSON', async () => {
    expect(log.length).toBeGreaterThan(20)
    const verdict = await verifyChain(AUDIT_KEY, { start, head }, log.map(toChangeRow).map(fromChangeRow))
    expect(verdict).toEqual({ isIntact: true, checkedRevisions: head.revision, firstBrokenRevision: null, verified: head })
  })

  it(`finds every single-row edit, deletion, insertion and swap (${TAMPERINGS} random ones), and names a revision at or before it`, async () => {
    const found = { edit: 0, delete: 0, swap: 0, insert: 0 }
    await fc.assert(
      fc.asyncProperty(tampering, async (how) => {
        const verdict = await verifyChain(AUDIT_KEY, { start, head }, tamper(how))
        expect(verdict.isIntact).toBe(false)
        expect(verdict.firstBrokenRevision).toEqual(expect.any(Number))
        found[how.kind] += 1
      }),
      { numRuns: TAMPERINGS },
    )
    expect(found.edit + found.delete + found.swap + found.insert).toBe(TAMPERINGS)
    console.log(`tamperings found: ${JSON.stringify(found)}`)
  })

  it('finds a cut tail, an emptied log and another key', async () => {
    for (const kept of [0, 1, log.length - 1])
      expect((await verifyChain(AUDIT_KEY, { start, head }, log.slice(0, kept))).isIntact).toBe(false)
    expect((await verifyChain('another key', { start, head }, log)).firstBrokenRevision).toBe(1)
  })
})
