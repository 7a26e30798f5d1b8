import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clientWithKey, snapshotOf } from '../../../../test/testkit/api-clients.js'
import { BASE62 } from '../../../core/platform/random.js'
import { holdsApiKey, isApiKeyShaped, scrubSecrets } from '../../../core/platform/scrub.js'
import type { ApiClientRecord } from '../api-client.js'
import { checksumOf, createApiKey, digestSecret, numberOf, parseApiKey, toDigits } from './api-key.js'
import { SessionKeys } from './session-keys.js'
import { verifyKey } from './verify-key.js'

const PEPPER = 'a pepper of some length'
const NOW = new Date('2026-06-01T12:00:00.000Z')
const later = (seconds: number) => new Date(NOW.getTime() + seconds * 1000)
const { client } = clientWithKey({ role: 'OPERATOR' }, PEPPER)
const keys = new SessionKeys(PEPPER)
const text = keys.open({ client, keyId: client.keyId }, 'test', later(60))

const verdict = (changes: Partial<ApiClientRecord> = {}, { key = text, now = NOW, by = keys } = {}) =>
  by.check(snapshotOf({ ...client, ...changes }), key, now)?.verdict

describe('the key of a session', () => {
  it('works for its client until its end, on whatever replica has the pepper', () => {
    const check = new SessionKeys(PEPPER).check(snapshotOf(client), text, later(59))
    expect(check).toEqual({ verdict: 'VALID', client, keyId: client.keyId, sessionEndsAt: later(60) })
    expect(verdict({}, { now: later(60) })).toBe('EXPIRED')
  })

  it('is gone with its client and with the key that opened it', () => {
    expect(verdict({ isActive: false })).toBe('DISABLED')
    expect(verdict({ expiresAt: NOW })).toBe('EXPIRED')
    const { stored } = createApiKey('test', PEPPER)
    const rotated = { ...stored, previousKeyId: client.keyId, previousKeyDigest: client.keyDigest }
    expect(verdict({ ...rotated, previousKeyExpiresAt: null })).toBe('EXPIRED')
    // As long as the key itself, where that goes on working for a while.
    expect(verdict({ ...rotated, previousKeyExpiresAt: later(9) }, { now: later(8) })).toBe('VALID')
    expect(verdict({ ...rotated, previousKeyExpiresAt: later(9) }, { now: later(9) })).toBe('EXPIRED')
    expect(verdict({ ...stored })).toBe('NOT_FOUND')
    // Another key of the same id, as nobody would make it.
    expect(verdict({ keyDigest: digestSecret('another key', PEPPER) })).toBe('NOT_FOUND')
  })

  it('is gone with the pepper, and without one known to one process alone', () => {
    expect(verdict({}, { by: new SessionKeys('another pepper of some length') })).toBe('NOT_FOUND')
    const unkeyed = new SessionKeys(undefined)
    const key = unkeyed.open({ client, keyId: client.keyId }, 'test', later(60))
    expect(verdict({}, { key, by: unkeyed })).toBe('VALID')
    expect(verdict({}, { key, by: new SessionKeys(undefined) })).toBe('NOT_FOUND')
  })

  it('cannot be changed in any place, also with a checksum that fits', () => {
    const other = clientWithKey({}, PEPPER).client
    const snapshot = snapshotOf(client, other)
    fc.assert(
      fc.property(fc.nat(text.length - 7), fc.constantFrom(...BASE62, '_'), (at, letter) => {
        const body = `${text.slice(0, at)}${letter}${text.slice(at + 1, -6)}`
        fc.pre(body !== text.slice(0, -6))
        const forged = keys.check(snapshot, `${body}${checksumOf(body)}`, NOW)?.verdict
        expect(forged ?? 'NOT_FOUND').toBe('NOT_FOUND')
        expect(keys.check(snapshot, `${body}${text.slice(-6)}`, NOW)).toBe(undefined)
      }),
      { numRuns: 500 },
    )
    const asOther = text.replace(client.keyId, other.keyId).slice(0, -6)
    expect(keys.check(snapshot, `${asOther}${checksumOf(asOther)}`, NOW)?.verdict).toBe('NOT_FOUND')
  })

  it('is taken for no API key, nor an API key for one', () => {
    expect(verifyKey(snapshotOf(client), text, { now: NOW, pepper: PEPPER })).toEqual({ verdict: 'NOT_FOUND' })
    expect([parseApiKey(text), isApiKeyShaped(text)]).toEqual([undefined, false])
    const { client: another, keyText } = clientWithKey({}, PEPPER)
    expect(keys.check(snapshotOf(another), keyText, NOW)).toBe(undefined)
  })

  it('is hidden like an API key wherever it is written', () => {
    expect(holdsApiKey(`see ${text}.`)).toBe(true)
    expect(scrubSecrets(`{"a":"see ${text}."}`)).toBe(`{"a":"see ${client.keyPreview}."}`)
  })

  it('holds numbers in six digits that come back', () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat().map((number) => number % 62 ** 6),
        (number) => {
          expect(toDigits(number)).toHaveLength(6)
          expect(numberOf(toDigits(number))).toBe(number)
        },
      ),
    )
    expect(numberOf(checksumOf('123456789'))).toBe(crc32('123456789'))
  })
})
