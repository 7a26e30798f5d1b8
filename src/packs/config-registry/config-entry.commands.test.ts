import { describe, expect, it } from 'vitest'
import { commandContext } from '../../../test/testkit/commands.js'
import { TESTER } from '../../../test/testkit/ledger.js'
import { Draft } from '../../core/state/draft.js'
import { Snapshot } from '../../core/state/snapshot.js'
import type { Json } from '../../core/values/json.js'
import { type ConfigEntryRecord, configEntryCollection } from './config-entry.collection.js'
import { setConfig } from './config-entry.commands.js'
import type { SetConfigInput } from './config-entry.inputs.js'

const NOW = new Date('2026-06-01T12:00:00Z')

/** An entry that was stored when its schema was still accepted. */
function draftWith(valueSchema: Json): Draft {
  const draft = new Draft(Snapshot.empty([configEntryCollection], { revision: 0, digest: '' }))
  const entry: ConfigEntryRecord = {
    ...{ id: 'id', key: 'limits', value: 1, description: null, isMutable: true, valueSchema },
    ...{ version: 1, createdAt: NOW, updatedAt: NOW },
  }
  draft.put(configEntryCollection, entry)
  return draft
}

function write(draft: Draft, input: Partial<SetConfigInput>) {
  return setConfig.run(draft, { key: 'limits', ...input }, commandContext({ caller: TESTER, now: NOW }))
}

describe('setConfig on an entry whose stored schema is not accepted any more', () => {
  it.each<Json>([{ $ref: '#' }, { typo: true }, { pattern: '(?=a)' }, 'text'])('says so, and what to do: %j', (valueSchema) => {
    for (const input of [{ value: 2 }, { description: 'new' }]) {
      const result = write(draftWith(valueSchema), input)
      const [first, ...details] = result.ok ? [] : result.userErrors
      expect(first).toEqual({
        code: 'INVALID',
        field: ['valueSchema'],
        message: 'The schema that is stored with this entry cannot be used any more. Give another valueSchema, or null for none.',
      })
      expect(details).not.toEqual([])
      for (const { code, field } of details) expect([code, field?.[0]]).toEqual(['INVALID', 'valueSchema'])
    }
  })

  it.each<Json>([null, { type: 'number' }])('takes another schema in its place: %j', (valueSchema) => {
    expect(write(draftWith({ $ref: '#' }), { valueSchema })).toMatchObject({ ok: true, value: { valueSchema, version: 2 } })
  })
})
