import { describe, expect, it } from 'vitest'
import { clientWithKey, snapshotOf } from '../../../../test/testkit/api-clients.js'
import { generateApiKey, parseApiKey, toStoredKey } from './api-key.js'
import { findUsableClient, verifyKey } from './verify-key.js'

const PEPPER = 'a pepper of some length'
const NOW = new Date('2026-06-01T12:00:00.000Z')
const BEFORE = new Date(NOW.getTime() - 1)
const AFTER = new Date(NOW.getTime() + 1)

/** The key before the last rotation. */
const oldKey = generateApiKey('test')
const oldStored = toStoredKey(parseApiKey(oldKey) ?? { env: 'test', id: '', text: '' }, PEPPER)
const previous = { previousKeyId: oldStored.keyId, previousKeyDigest: oldStored.keyDigest }

describe('the verifier', () => {
  it.each<[string, Parameters<typeof clientWithKey>[0], ReturnType<typeof verifyKey>['verdict']]>([
    ['an active client', {}, 'VALID'],
    ['one that expires a millisecond later', { expiresAt: AFTER }, 'VALID'],
    ['one that expires now', { expiresAt: NOW }, 'EXPIRED'],
    ['one that has expired', { expiresAt: BEFORE }, 'EXPIRED'],
    ['a deactivated one', { isActive: false }, 'DISABLED'],
    ['a deactivated one that has expired as well', { isActive: false, expiresAt: BEFORE }, 'DISABLED'],
    ['one whose previous key has expired', { ...previous, previousKeyExpiresAt: BEFORE }, 'VALID'],
  ])('the key of %s', (_, changes, verdict) => {
    const { client, keyText } = clientWithKey(changes, PEPPER)
    const snapshot = snapshotOf(client)
    expect(verifyKey(snapshot, keyText, { now: NOW, pepper: PEPPER })).toEqual({ verdict, client, keyId: client.keyId })
    expect(findUsableClient(snapshot, client.keyId, NOW)).toBe(verdict === 'VALID' ? client : undefined)
  })

  it.each<[string, Parameters<typeof clientWithKey>[0], ReturnType<typeof verifyKey>['verdict']]>([
    ['before its overlap ends', { ...previous, previousKeyExpiresAt: AFTER }, 'VALID'],
    ['when its overlap ends', { ...previous, previousKeyExpiresAt: NOW }, 'EXPIRED'],
    ['without an overlap', { ...previous, previousKeyExpiresAt: null }, 'EXPIRED'],
    ['of a deactivated client', { ...previous, previousKeyExpiresAt: AFTER, isActive: false }, 'DISABLED'],
    ['of an expired client', { ...previous, previousKeyExpiresAt: AFTER, expiresAt: NOW }, 'EXPIRED'],
  ])('a rotated-away key %s', (_, changes, verdict) => {
    const { client } = clientWithKey(changes, PEPPER)
    const snapshot = snapshotOf(client)
    expect(verifyKey(snapshot, oldKey, { now: NOW, pepper: PEPPER })).toEqual({ verdict, client, keyId: oldStored.keyId })
    expect(findUsableClient(snapshot, oldStored.keyId, NOW)).toBe(verdict === 'VALID' ? client : undefined)
  })

  it('knows no key but those of the clients, and does not tell a wrong secret from an unknown id', () => {
    const { client, keyText } = clientWithKey({ isActive: false }, PEPPER)
    const snapshot = snapshotOf(client, clientWithKey({}, PEPPER).client)
    const check = (text: string, pepper: string | undefined = PEPPER) => verifyKey(snapshot, text, { now: NOW, pepper })
    const nothing = { verdict: 'NOT_FOUND' }
    expect(check(generateApiKey('test'))).toEqual(nothing)
    expect(check('')).toEqual(nothing)
    expect(check(keyText.slice(0, -1))).toEqual(nothing)
    expect(check(keyText, 'another pepper altogether')).toEqual(nothing)
    expect(check(oldKey)).toEqual(nothing)
    // Right id, wrong secret: a key of the same id that was never given out.
    const forged = generateApiKey('test')
    const { client: robbed } = clientWithKey({ keyId: forged.split('_')[2] }, PEPPER)
    expect(verifyKey(snapshotOf(robbed), forged, { now: NOW, pepper: PEPPER })).toEqual(nothing)
  })

  it('finds nobody by a key id that no client has any more', () => {
    const { client } = clientWithKey()
    expect(findUsableClient(snapshotOf(), client.keyId, NOW)).toBe(undefined)
  })
})
