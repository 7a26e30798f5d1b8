import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestSecret, generateApiKey, isSameDigest, parseApiKey, previewOf, toStoredKey } from './api-key.js'

const FORMAT = /^vk_(live|test)_[0-9A-Za-z]{12}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}$/
const env = fc.constantFrom('live' as const, 'test' as const)
/** Fast-check repeats the runs; each one makes a new key. */
const key = env.map((of) => generateApiKey(of))

describe('an API key', () => {
  it('has the documented format and parses back to its parts', () => {
    fc.assert(
      fc.property(env, (of) => {
        const text = generateApiKey(of)
        expect(text).toMatch(FORMAT)
        expect(parseApiKey(text)).toEqual({ env: of, id: text.split('_')[2], text })
      }),
    )
  })

  it('has the checksum that its definition gives: CRC-32 in six base62 digits', () => {
    // Computed with another program (Python's zlib): the CRC-32 of what stands before the checksum is 2625853305.
    const text = `vk_live_${'0'.repeat(12)}_${'0'.repeat(32)}_2rhoOf`
    expect(parseApiKey(text)).toEqual({ env: 'live', id: '0'.repeat(12), text })
  })

  it('is refused with any one character changed, dropped or added', () => {
    const character = fc.constantFrom(...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_ \n-é')
    fc.assert(
      fc.property(key, fc.nat({ max: 59 }), character, (text, at, other) => {
        fc.pre(text[at] !== other)
        expect(parseApiKey(text.slice(0, at) + other + text.slice(at + 1))).toBe(undefined)
        expect(parseApiKey(text.slice(0, at) + text.slice(at + 1))).toBe(undefined)
        expect(parseApiKey(text.slice(0, at) + other + text.slice(at))).toBe(undefined)
      }),
      { numRuns: 2000 },
    )
  })

  it('never comes twice', () => {
    expect(new Set(Array.from({ length: 2000 }, () => generateApiKey('live'))).size).toBe(2000)
  })

  it('uses every digit about equally often', () => {
    const counts = new Map<string, number>()
    for (let i = 0; i < 2000; i += 1)
      for (const digit of generateApiKey('live').split('_')[3] ?? '') counts.set(digit, (counts.get(digit) ?? 0) + 1)
    expect(counts.size).toBe(62)
    // 64,000 digits: 1,032 each with a standard deviation of 32; six of them never happen, a modulo's bias would show.
    expect([...counts.values()].filter((count) => Math.abs(count - 64_000 / 62) > 200)).toEqual([])
  })
})

describe('what is kept of a key', () => {
  it('holds the id, the digest and four characters to show, and no secret', () => {
    fc.assert(
      fc.property(key, fc.option(fc.string({ minLength: 16 }), { nil: undefined }), (text, pepper) => {
        const parsed = parseApiKey(text)
        if (!parsed) throw new Error('does not parse')
        const [, of, id, secret] = text.split('_')
        const stored = toStoredKey(parsed, pepper)
        expect(stored).toEqual({ keyId: id, keyDigest: digestSecret(text, pepper), keyPreview: `vk_${of}_${id?.slice(0, 4)}…` })
        expect(JSON.stringify(stored)).not.toContain(secret)
        expect(previewOf(parsed)).toHaveLength(13)
      }),
    )
  })

  it('is an HMAC under the pepper, and plain SHA-256 without one', () => {
    // The vector of FIPS 180-2 for "abc".
    expect(digestSecret('abc', undefined)).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    expect(digestSecret('abc', 'a pepper of some length')).toBe(createHmac('sha256', 'a pepper of some length').update('abc').digest('hex'))
  })

  it('is compared as a whole: only equal digests are the same', () => {
    const digest = digestSecret('a', undefined)
    expect(isSameDigest(digest, digestSecret('a', undefined))).toBe(true)
    expect(isSameDigest(digest, digestSecret('b', undefined))).toBe(false)
    expect(isSameDigest(digest, digest.slice(0, 32))).toBe(false)
    expect(isSameDigest(digest, '')).toBe(false)
  })
})
