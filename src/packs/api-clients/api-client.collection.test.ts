import { describe, expect, it } from 'vitest'
import { clientWithKey } from '../../../test/testkit/api-clients.js'
import { apiClientCollection } from './api-client.collection.js'

const CANARIES = {
  keyId: 'canary-key-id',
  keyDigest: 'canary-digest',
  previousKeyId: 'canary-previous-id',
  previousKeyDigest: 'canary-previous-digest',
}

describe('the collection of API clients', () => {
  it('lets nothing of a key into an image but its preview', () => {
    const { client } = clientWithKey({ ...CANARIES, keyPreview: 'vk_test_abcd…' })
    const image = apiClientCollection.imageOf(client)
    expect(JSON.stringify(image)).not.toContain('canary')
    expect(Object.keys(image)).toEqual([
      'id',
      'name',
      'clientType',
      'role',
      'keyPreview',
      'previousKeyExpiresAt',
      'isActive',
      'description',
      'expiresAt',
      'version',
      'createdAt',
      'updatedAt',
    ])
  })

  it('keeps every field in its row', () => {
    const at = new Date('2026-02-03T04:05:06.789Z')
    const { client } = clientWithKey({ ...CANARIES, previousKeyExpiresAt: at, expiresAt: at, description: 'for tests' })
    expect(apiClientCollection.fromRow(apiClientCollection.toRow(client))).toEqual(client)
  })
})
