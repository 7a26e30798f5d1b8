import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { userError } from '../../src/core/contract/errors.js'
import type { Database } from '../../src/core/database/database.js'
import type { Ledger } from '../../src/core/ledger/ledger.js'
import { Store } from '../../src/core/ledger/store.js'
import { type Command, done, refused } from '../../src/core/state/command.js'
import type { Snapshot } from '../../src/core/state/snapshot.js'
import { apiClientCollection } from '../../src/packs/api-clients/api-client.collection.js'
import type { ApiClientRecord } from '../../src/packs/api-clients/api-client.js'
import { ENGINES, openTestDatabase } from '../testkit/databases.js'
import { openTestLedger, run } from '../testkit/ledger.js'

const COLLECTIONS = [apiClientCollection]
const IDS = ['A', 'B', 'C']
const NAMES = ['x', 'y']

interface Edit {
  readonly id: string
  readonly name: string
  readonly isActive: boolean
  readonly hasTwoKeys: boolean
  readonly isGone: boolean
}

/** Puts or deletes one client; refuses a second active one of the same name, as the pack's own commands do. */
const edit: Command<Edit, null> = {
  name: 'edit',
  isRevertible: false,
  run(draft, { id, name, isActive, hasTwoKeys, isGone }, { now }) {
    const holder = draft.view(apiClientCollection).find('activeName', name)
    if (isActive && !isGone && holder && holder.id !== id) return refused(userError('TAKEN', ['name'], 'taken'))
    const before = draft.get(apiClientCollection, id)
    if (isGone) draft.delete(apiClientCollection, id)
    else
      draft.put(apiClientCollection, { ...blank(id, now), name, isActive, ...keysOf(id, hasTwoKeys), version: (before?.version ?? 0) + 1 })
    return done(null)
  },
}

function blank(id: string, now: Date): ApiClientRecord {
  const texts = { id, name: '', clientType: 'SCRIPT', role: 'OBSERVER', keyId: '', keyDigest: '', keyPreview: '' } as const
  const none = { previousKeyId: null, previousKeyDigest: null, previousKeyExpiresAt: null, description: null, expiresAt: null }
  return { ...texts, ...none, isActive: false, version: 1, createdAt: now, updatedAt: now }
}

const keysOf = (id: string, hasTwoKeys: boolean) => ({ keyId: `new-${id}`, previousKeyId: hasTwoKeys ? `old-${id}` : null })

/** Whom each value of each index finds. */
function findings(snapshot: Snapshot): Record<string, string | undefined> {
  const view = snapshot.view(apiClientCollection)
  const keys = IDS.flatMap((id) => [`new-${id}`, `old-${id}`])
  return Object.fromEntries([
    ...NAMES.map((name) => [name, view.find('activeName', name)?.id]),
    ...keys.map((key) => [key, view.find('keyId', key)?.id]),
  ])
}

describe.each(ENGINES)('the indexes of a follower on %s', (engine) => {
  let database: Database
  let writer: Ledger
  let follower: Ledger

  beforeEach(async () => {
    database = await openTestDatabase(engine)
    writer = await openTestLedger(database, { collections: COLLECTIONS })
    follower = await openTestLedger(database, { collections: COLLECTIONS })
  })

  afterEach(async () => {
    await Promise.all([writer.close(), follower.close()])
    await database.close()
  })

  it('a name that goes from one record to another is found, also when the follower gets both edits at once', async () => {
    const write = (id: string, isActive: boolean, hasTwoKeys = false) =>
      run(writer, edit, { id, name: 'x', isActive, hasTwoKeys, isGone: false })
    await write('B', false)
    await write('A', true)
    await follower.poll()
    await write('B', false, true)
    await write('A', false)
    await write('B', true, true)
    await follower.poll()
    expect(follower.snapshot.view(apiClientCollection).find('activeName', 'x')?.id).toBe('B')
  })

  it('any commits, brought in any grouping, lead to the indexes of a fresh load', async () => {
    const anyEdit = fc.record({
      id: fc.constantFrom(...IDS),
      name: fc.constantFrom(...NAMES),
      isActive: fc.boolean(),
      hasTwoKeys: fc.boolean(),
      isGone: fc.boolean(),
    })
    const groups = fc.array(fc.array(anyEdit, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(groups, async (edits) => {
        for (const group of edits) {
          for (const input of group) await run(writer, edit, input)
          await follower.poll()
          const fresh = findings(await new Store(database, COLLECTIONS).loadAll())
          expect(findings(follower.snapshot)).toEqual(fresh)
          expect(findings(writer.snapshot)).toEqual(fresh)
        }
      }),
      { numRuns: 40 },
    )
  })
})
