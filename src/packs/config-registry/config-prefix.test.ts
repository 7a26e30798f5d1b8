import { expect, it } from 'vitest'
import { MAX_LENGTH } from '../../core/graphql/bounds/list-length.js'
import { Draft } from '../../core/state/draft.js'
import { Snapshot } from '../../core/state/snapshot.js'
import { configEntryCollection } from './config-entry.collection.js'
import { countPrefixes } from './config-prefix.js'

it('branches and leaves are counted up to the first one that is more than a call may ask for', () => {
  const draft = new Draft(Snapshot.empty([configEntryCollection], { revision: 0, digest: '' }))
  const at = new Date('2026-06-01T12:00:00Z')
  const rest = { value: 1, description: null, isMutable: true, valueSchema: null, version: 1, createdAt: at, updatedAt: at }
  for (let n = 0; n < MAX_LENGTH + 100; n += 1) draft.put(configEntryCollection, { id: `${n}`, key: `leaf-${n}`, ...rest })
  for (const key of ['few/a', 'few/b/c', 'few/b/d']) draft.put(configEntryCollection, { id: key, key, ...rest })
  const snapshot = draft.toSnapshot({ revision: 1, digest: '' })
  expect([countPrefixes(snapshot, ''), countPrefixes(snapshot, 'few/')]).toEqual([MAX_LENGTH + 1, 2])
})
