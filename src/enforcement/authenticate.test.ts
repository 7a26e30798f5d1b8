import { describe, expect, it } from 'vitest'
import { clientWithKey, snapshotOf } from '../../test/testkit/api-clients.js'
import { AppError } from '../core/contract/errors.js'
import type { Snapshot } from '../core/state/snapshot.js'
import type { ApiClientRecord } from '../packs/api-clients/api-client.js'
import { generateApiKey } from '../packs/api-clients/keys/api-key.js'
import { ANONYMOUS, type Credentials, createAuthenticator, isAnonymous } from './authenticate.js'
import { permissionsByRole } from './permissions.js'

const PEPPER = 'a pepper of some length'
const NOW = new Date('2026-06-01T12:00:00.000Z')
const permissions = permissionsByRole([], { 'flags:read': 'OBSERVER', 'clients:write': 'ADMIN' })

/** An authenticator over a state that can be replaced, and whose uses it has noted. */
function authenticatorOver(snapshot: Snapshot) {
  const ledger = { snapshot }
  const touched: string[] = []
  const authenticator = createAuthenticator({
    ledger,
    clock: { now: () => NOW, monotonicMs: () => 0 },
    settings: { keyPepper: PEPPER },
    usage: { touch: (kind, id) => void touched.push(`${kind} ${id}`) },
    permissions,
  })
  return { ...authenticator, ledger, touched }
}

function refusalOf(work: () => unknown): AppError {
  try {
    work()
  } catch (error) {
    if (error instanceof AppError) return error
  }
  throw new Error('was not refused')
}

const { client, keyText } = clientWithKey({ role: 'OBSERVER' }, PEPPER)
const other = clientWithKey({}, PEPPER)

describe('a working key', () => {
  it.each<[string, Credentials]>([
    ['as a bearer token', { authorization: `Bearer ${keyText}` }],
    ['as a bearer token of another case', { authorization: `bEARER ${keyText}` }],
    ['as a bearer token with more spaces', { authorization: `Bearer   ${keyText} ` }],
    ['alone', { apiKey: keyText }],
    ['alone, beside an empty header', { apiKey: keyText, authorization: '' }],
    ['twice', { apiKey: keyText, authorization: `Bearer ${keyText}` }],
  ])('is accepted %s, with what its role may do, and its use is noted', (_, credentials) => {
    const { authenticate, touched } = authenticatorOver(snapshotOf(client, other.client))
    const caller = authenticate(credentials)
    expect(caller).toEqual({
      id: client.id,
      name: 'tester',
      clientType: 'SCRIPT',
      role: 'OBSERVER',
      permissions: new Set(['flags:read']),
      keyId: client.keyId,
    })
    expect(touched).toEqual([`client ${client.id}`])
    expect(isAnonymous(caller)).toBe(false)
  })
})

describe('a key that does not work', () => {
  const expired = clientWithKey({ expiresAt: NOW }, PEPPER)
  const disabled = clientWithKey({ isActive: false }, PEPPER)
  // The id is that of a client, the secret is not.
  const wrongSecret = generateApiKey('test')
  const { client: robbed } = clientWithKey({ keyId: wrongSecret.split('_')[2] }, PEPPER)
  const state = snapshotOf(client, other.client, expired.client, disabled.client, robbed)

  it('is refused in the same words, whatever is wrong with it', () => {
    const { authenticate, touched } = authenticatorOver(state)
    const texts = ['x', keyText.slice(0, -1), generateApiKey('live'), wrongSecret, expired.keyText, disabled.keyText]
    const credentials: Credentials[] = [
      ...texts.map((apiKey) => ({ apiKey })),
      ...texts.map((text) => ({ authorization: `Bearer ${text}` })),
      { authorization: `Basic ${keyText}` },
      { authorization: `Bearer ${keyText} ${keyText}` },
      { authorization: 42 },
      { apiKey: [keyText] },
    ]
    const refusals = credentials.map((given) => refusalOf(() => authenticate(given)))
    expect(new Set(refusals.map(({ message }) => message)).size).toBe(1)
    expect(refusals[0]?.toJSON()).toMatchObject({ extensions: { code: 'UNAUTHENTICATED' } })
    expect(refusals[0]?.headers.get('www-authenticate')).toBe('Bearer realm="valhalla"')
    expect(touched).toEqual([])
  })

  it.each<[string, Credentials, RegExp]>([
    ['no key', {}, /is needed/],
    ['empty headers', { authorization: '', apiKey: '' }, /is needed/],
    ['nothing in connection_init', { authorization: null, apiKey: undefined }, /is needed/],
    ['two working keys', { authorization: `Bearer ${keyText}`, apiKey: other.keyText }, /Two different/],
    ['a working key without its scheme', { authorization: keyText }, /^The scheme is missing in front of the key\./],
    ['two different Authorization headers', { authorization: [`Bearer ${keyText}`, `Bearer ${other.keyText}`] }, /Two different `Auth/],
    ['two different X-API-Key headers', { apiKey: [keyText, other.keyText] }, /Two different `X-API-Key`/],
    ['a working key and another scheme', { authorization: 'Basic dTpw', apiKey: keyText }, /Two different/],
  ])('with %s nobody is let in', (_, credentials, message) => {
    const refusal = refusalOf(() => authenticatorOver(state).authenticate(credentials))
    expect(refusal).toMatchObject({ code: 'UNAUTHENTICATED', status: 401 })
    expect(refusal.message).toMatch(message)
  })

  it('never shows in the refusal', () => {
    const refusal = refusalOf(() => authenticatorOver(state).authenticate({ apiKey: disabled.keyText }))
    const secret = String(disabled.keyText.split('_')[3])
    expect(`${refusal.stack} ${JSON.stringify(refusal)} ${String(refusal.cause)}`).not.toContain(secret)
  })
})

describe('a caller that stays connected', () => {
  it('is valid for as long as the key that it came with', () => {
    const { authenticate, isStillValid, ledger, touched } = authenticatorOver(snapshotOf(client, other.client))
    const caller = authenticate({ apiKey: keyText })
    const isValidIn = (...clients: readonly ApiClientRecord[]) => {
      ledger.snapshot = snapshotOf(...clients)
      return isStillValid(caller)
    }
    const rotated = { ...client, keyId: 'newKeyOfItsr', previousKeyId: client.keyId, previousKeyDigest: client.keyDigest }
    expect(isValidIn(client)).toBe(true)
    expect(isValidIn({ ...client, isActive: false })).toBe(false)
    expect(isValidIn({ ...client, expiresAt: NOW })).toBe(false)
    expect(isValidIn({ ...rotated, previousKeyExpiresAt: new Date(NOW.getTime() + 1) })).toBe(true)
    expect(isValidIn({ ...rotated, previousKeyExpiresAt: NOW })).toBe(false)
    expect(isValidIn({ ...client, keyId: 'newKeyOfItsr' })).toBe(false)
    expect(isValidIn({ ...client, role: 'ADMIN' })).toBe(false)
    expect(isValidIn({ ...other.client, keyId: client.keyId })).toBe(false)
    expect(isValidIn(other.client)).toBe(false)
    expect(isValidIn(client)).toBe(true)
    expect(touched).toHaveLength(1)
  })

  it('is never valid without a key', () => {
    expect(isAnonymous(ANONYMOUS)).toBe(true)
    expect(authenticatorOver(snapshotOf(client)).isStillValid(ANONYMOUS)).toBe(false)
  })
})
