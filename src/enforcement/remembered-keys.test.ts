import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clientWithKey, forgedKey, snapshotOf } from '../../test/testkit/api-clients.js'
import { Draft } from '../core/state/draft.js'
import type { Snapshot } from '../core/state/snapshot.js'
import { apiClientCollection } from '../packs/api-clients/api-client.collection.js'
import type { ApiClientRecord } from '../packs/api-clients/api-client.js'
import { parseApiKey, toStoredKey } from '../packs/api-clients/keys/api-key.js'
import { type Authenticator, createAuthenticator } from './authenticate.js'
import { permissionsByRole } from './permissions.js'

const PEPPER = 'a pepper of some length'
const START_MS = Date.parse('2026-06-01T12:00:00.000Z')
const permissions = permissionsByRole([], { 'flags:read': 'OBSERVER', 'clients:write': 'ADMIN' })

const people = [clientWithKey({ name: 'a' }, PEPPER), clientWithKey({ name: 'b', role: 'ADMIN' }, PEPPER)]
/** Keys that a client can be rotated to, and some that nobody ever has. */
const spare = [clientWithKey({}, PEPPER), clientWithKey({}, PEPPER)]
const texts = [...people, ...spare].map(({ keyText }) => keyText)
const shown = [...texts, ...texts.map(forgedKey), `${texts[0]} `]

type Step =
  | { readonly show: number }
  | { readonly pass: number }
  | { readonly edit: number; readonly to: (client: ApiClientRecord, nowMs: number) => Partial<ApiClientRecord> }

function storedAs(index: number): Pick<ApiClientRecord, 'keyId' | 'keyDigest' | 'keyPreview'> {
  const key = parseApiKey(String(texts[index]))
  if (!key) throw new Error('a generated key does not parse')
  return toStoredKey(key, PEPPER)
}

const edits = fc.oneof(
  fc.boolean().map((isActive) => () => ({ isActive })),
  fc.constantFrom('OBSERVER' as const, 'ADMIN' as const).map((role) => () => ({ role })),
  fc.option(fc.nat(3)).map((in_) => (_: ApiClientRecord, nowMs: number) => ({ expiresAt: in_ === null ? null : new Date(nowMs + in_) })),
  fc.tuple(fc.constantFrom(2, 3), fc.nat(3)).map(([to, in_]) => ({ keyId, keyDigest }: ApiClientRecord, nowMs: number) => ({
    ...storedAs(to),
    previousKeyId: keyId,
    previousKeyDigest: keyDigest,
    previousKeyExpiresAt: new Date(nowMs + in_),
  })),
)
const steps = fc.array(
  fc.oneof<fc.MaybeWeightedArbitrary<Step>[]>(
    { weight: 4, arbitrary: fc.nat(shown.length - 1).map((show) => ({ show })) },
    fc.nat(2).map((pass) => ({ pass })),
    fc.record({ edit: fc.nat(people.length - 1), to: edits }),
  ),
  { maxLength: 60 },
)

/** A server whose state and time move. */
function world() {
  const ledger: { snapshot: Snapshot } = { snapshot: snapshotOf(...people.map(({ client }) => client)) }
  const time = { ms: START_MS }
  const make = () =>
    createAuthenticator({
      ledger,
      clock: { now: () => new Date(time.ms), monotonicMs: () => 0 },
      settings: { keyPepper: PEPPER },
      usage: { touch: () => undefined },
      permissions,
    })
  return { ledger, time, make }
}

/** Who a key is taken for, or the words in which it is refused. */
function verdict(authenticator: Authenticator, key: string): unknown {
  try {
    return authenticator.authenticate({ apiKey: key })
  } catch (error) {
    return error instanceof Error ? error.message : error
  }
}

describe('a key that was shown before', () => {
  it('is taken for whom one is taken for that never was, whatever is done to its client and however time passes', () => {
    fc.assert(
      fc.property(steps, (taken) => {
        const { ledger, time, make } = world()
        const remembering = make()
        for (const step of taken) {
          if ('pass' in step) time.ms += step.pass
          else if ('edit' in step) {
            const draft = new Draft(ledger.snapshot)
            const client = draft.get(apiClientCollection, String(people[step.edit]?.client.id))
            if (client) draft.put(apiClientCollection, { ...client, ...step.to(client, time.ms) })
            ledger.snapshot = draft.toSnapshot({ revision: ledger.snapshot.revision + 1, digest: '' })
          } else expect(verdict(remembering, String(shown[step.show]))).toEqual(verdict(make(), String(shown[step.show])))
        }
      }),
      { numRuns: 300 },
    )
  })

  it('is known by what changes about anybody, at once', () => {
    const { ledger, time, make } = world()
    const { authenticate } = make()
    const [first] = people
    const caller = authenticate({ apiKey: String(first?.keyText) })
    expect(authenticate({ apiKey: String(first?.keyText) })).toBe(caller)
    const edit = (client: ApiClientRecord | undefined, changes: Partial<ApiClientRecord>): void => {
      const draft = new Draft(ledger.snapshot)
      draft.put(apiClientCollection, { ...(client as ApiClientRecord), ...changes })
      ledger.snapshot = draft.toSnapshot({ revision: ledger.snapshot.revision + 1, digest: '' })
    }
    edit(people[1]?.client, { description: 'somebody else' })
    expect(authenticate({ apiKey: String(first?.keyText) })).not.toBe(caller)
    edit(first?.client, { isActive: false })
    expect(() => authenticate({ apiKey: String(first?.keyText) })).toThrow('The API key is not valid.')
    ledger.snapshot = snapshotOf({ ...(first?.client as ApiClientRecord), expiresAt: new Date(START_MS + 1) })
    expect(authenticate({ apiKey: String(first?.keyText) })).toEqual(caller)
    time.ms += 1
    expect(() => authenticate({ apiKey: String(first?.keyText) })).toThrow('The API key is not valid.')
  })
})
