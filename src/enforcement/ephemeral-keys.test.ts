import { describe, expect, it } from 'vitest'
import { snapshotOf } from '../../test/testkit/api-clients.js'
import type { Caller } from '../core/contract/caller.js'
import { AppError } from '../core/contract/errors.js'
import { scrubSecrets } from '../core/platform/scrub.js'
import { createAuthenticator } from './authenticate.js'
import { EphemeralKeys } from './ephemeral-keys.js'
import { permissionsByRole } from './permissions.js'

const HOLDER: Caller = { id: 'smoke-test', name: 'smoke test', clientType: null, role: null, permissions: new Set(['flags:read']) }

function authenticatorWith(ephemeralKeys: EphemeralKeys) {
  const touched: string[] = []
  const authenticator = createAuthenticator({
    ledger: { snapshot: snapshotOf() },
    clock: { now: () => new Date(0), monotonicMs: () => 0 },
    settings: { keyPepper: undefined },
    usage: { touch: (kind, id) => void touched.push(`${kind} ${id}`) },
    permissions: permissionsByRole([], {}),
    ephemeralKeys,
  })
  return { authenticator, touched }
}

describe('an ephemeral key', () => {
  it('lets its holder in, with just its permissions, until it is revoked', () => {
    const keys = new EphemeralKeys()
    const { authenticator, touched } = authenticatorWith(keys)
    const key = keys.issue(HOLDER)
    const caller = authenticator.authenticate({ apiKey: key.text })
    expect(caller).toEqual(HOLDER)
    expect(authenticator.authenticate({ authorization: `Bearer ${key.text}` })).toBe(caller)
    expect(authenticator.isStillValid(caller)).toBe(true)
    key.revoke()
    expect(() => authenticator.authenticate({ apiKey: key.text })).toThrow(AppError)
    expect(authenticator.isStillValid(caller)).toBe(false)
    expect(touched).toEqual([])
  })

  it('is not valid because another one of the same holder is', () => {
    const keys = new EphemeralKeys()
    const { authenticator } = authenticatorWith(keys)
    const [first, second] = [keys.issue(HOLDER), keys.issue(HOLDER)]
    const caller = authenticator.authenticate({ apiKey: first.text })
    first.revoke()
    expect(authenticator.isStillValid(caller)).toBe(false)
    expect(authenticator.authenticate({ apiKey: second.text })).toEqual(HOLDER)
    expect(second.text).not.toBe(first.text)
  })

  it('is hidden in the log like an API key', () => {
    const { text } = new EphemeralKeys().issue(HOLDER)
    expect(scrubSecrets(`the key is ${text}.`)).toBe(`the key is ${text.slice(0, 12)}….`)
  })

  it('does not let anybody in who only claims to be its holder', () => {
    const keys = new EphemeralKeys()
    const { authenticator } = authenticatorWith(keys)
    keys.issue(HOLDER)
    expect(authenticator.isStillValid({ ...HOLDER })).toBe(false)
    expect(() => authenticator.authenticate({ apiKey: `vk_test_${'a'.repeat(12)}_${'b'.repeat(32)}` })).toThrow(AppError)
  })
})
