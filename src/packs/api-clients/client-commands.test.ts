import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clientWithKey, snapshotOf } from '../../../test/testkit/api-clients.js'
import { faultsOf, later, NOW, named, PEPPER, runCommand as run, verdictAt } from '../../../test/testkit/client-commands.js'
import { ROLES, type Role } from '../../core/contract/caller.js'
import type { Snapshot } from '../../core/state/snapshot.js'
import { apiClientCollection } from './api-client.collection.js'
import type { RegisterApiClientInput } from './api-client.inputs.js'
import type { ApiClientRecord } from './api-client.js'
import { findRestoredFaults } from './client-rules.js'
import { activateApiClient, deactivateApiClient } from './client-status.commands.js'
import { updateApiClient } from './client-update.command.js'
import { createApiKey } from './keys/api-key.js'
import { createRegisterApiClient, createRotateApiKey } from './keys/client-key.commands.js'

const register = (snapshot: Snapshot, changes: Partial<RegisterApiClientInput>, now = NOW) => {
  const { keyText, stored } = createApiKey('test', PEPPER)
  const input: RegisterApiClientInput = { name: 'weweb', clientType: 'WEWEB', role: 'EVALUATOR', ...changes }
  return { keyText, ...run(snapshot, createRegisterApiClient(stored), input, now) }
}
const rotate = (snapshot: Snapshot, id: string, overlapSeconds: number | null, now = NOW) => {
  const { keyText, stored } = createApiKey('test', PEPPER)
  return { keyText, ...run(snapshot, createRotateApiKey(stored), { id, overlapSeconds }, now) }
}

describe('registering a client', () => {
  it('makes an active one whose key works from then on, and keeps only what the key cannot be made from', () => {
    const { keyText, result, snapshot, changes } = register(snapshotOf(), { description: 'The public site', expiresAt: later(60) })
    const client = result.ok ? snapshot.view(apiClientCollection).get(result.value as string) : undefined
    expect(client).toMatchObject({
      name: 'weweb',
      clientType: 'WEWEB',
      role: 'EVALUATOR',
      description: 'The public site',
      isActive: true,
      version: 1,
      createdAt: NOW,
    })
    expect([
      verdictAt(snapshot, keyText, NOW),
      verdictAt(snapshot, keyText, later(59.999)),
      verdictAt(snapshot, keyText, later(60)),
    ]).toEqual(['VALID', 'VALID', 'EXPIRED'])
    expect(JSON.stringify([client, changes])).not.toContain(keyText.split('_')[3])
  })

  it.each<[string, Partial<RegisterApiClientInput>, string[]]>([
    ['an empty name', { name: '' }, ['REQUIRED name']],
    ['a blank name', { name: ' \t' }, ['REQUIRED name']],
    ['a name of 101 characters', { name: 'x'.repeat(101) }, ['INVALID name']],
    ['a name of 100 characters', { name: 'x'.repeat(100) }, []],
    ['the name of an active client', { name: 'taken' }, ['TAKEN name']],
    ['the name of an active client that has expired', { name: 'expired' }, ['TAKEN name']],
    ['the name of a deactivated client', { name: 'left' }, []],
    ['an expiry that has just passed', { expiresAt: NOW }, ['INVALID expiresAt']],
    ['an expiry that is a millisecond away', { expiresAt: later(0.001) }, []],
    ['no expiry', { expiresAt: null }, []],
    ['a description that is too long', { description: 'x'.repeat(2_001) }, ['INVALID description']],
    [
      'everything wrong at once',
      { name: 'x'.repeat(101), description: 'x'.repeat(2_001), expiresAt: later(-1) },
      ['INVALID name', 'INVALID description', 'INVALID expiresAt'],
    ],
  ])('with %s', (_, changes, faults) => {
    const state = snapshotOf(named('taken'), named('left', { isActive: false }), named('expired', { expiresAt: later(-1) }))
    const outcome = register(state, changes)
    expect(faultsOf(outcome)).toEqual(faults)
    expect(outcome.changes).toHaveLength(faults.length === 0 ? 1 : 0)
  })

  it('is refused at 10,000 active clients, and so is activating; deactivated ones do not count', () => {
    const many = Array.from({ length: 9_999 }, (_, index) => named(`client ${index}`))
    const left = named('left', { isActive: false })
    const almost = register(snapshotOf(...many, left), {})
    expect(faultsOf(almost)).toEqual([])
    expect(faultsOf(register(almost.snapshot, { name: 'one more' }))).toEqual(['LIMIT_EXCEEDED -'])
    expect(faultsOf(run(almost.snapshot, activateApiClient, { id: left.id }))).toEqual(['LIMIT_EXCEEDED -'])
  })
})

describe('activating and deactivating a client', () => {
  const admin = named('admin', { role: 'ADMIN' })

  it('turns its key off and on again, without another key', () => {
    const { client, keyText } = clientWithKey({ name: 'script' }, PEPPER)
    const off = run(snapshotOf(admin, client), deactivateApiClient, { id: client.id }, later(1))
    expect(verdictAt(off.snapshot, keyText, NOW)).toBe('DISABLED')
    const on = run(off.snapshot, activateApiClient, { id: client.id, expectedVersion: 2 }, later(2))
    expect(verdictAt(on.snapshot, keyText, NOW)).toBe('VALID')
    expect(on.result).toEqual({ ok: true, value: { ...client, version: 3, updatedAt: later(2) } })
  })

  it('changes nothing when it is so already', () => {
    const [active, left] = [named('active'), named('left', { isActive: false })]
    expect(run(snapshotOf(active), activateApiClient, { id: active.id })).toMatchObject({
      result: { ok: true, value: active },
      changes: [],
    })
    expect(run(snapshotOf(left), deactivateApiClient, { id: left.id })).toMatchObject({ result: { ok: true, value: left }, changes: [] })
  })

  it('is refused for a client that is not there', () => {
    expect(faultsOf(run(snapshotOf(), activateApiClient, { id: 'nobody' }))).toEqual(['NOT_FOUND id'])
    expect(faultsOf(run(snapshotOf(), deactivateApiClient, { id: 'nobody' }))).toEqual(['NOT_FOUND id'])
  })

  it('is refused for another version than expected, and changes nothing', () => {
    const client = named('script', { version: 3 })
    for (const expectedVersion of [0, 2, 4]) {
      const outcome = run(snapshotOf(client), deactivateApiClient, { id: client.id, expectedVersion })
      expect([faultsOf(outcome), outcome.changes]).toEqual([['STALE_VERSION expectedVersion'], []])
    }
  })

  it('tells everything that keeps a client from being activated at once', () => {
    const left = named('same name', { isActive: false, expiresAt: NOW })
    const outcome = run(snapshotOf(left, named('same name')), activateApiClient, { id: left.id, expectedVersion: 7 })
    expect(faultsOf(outcome)).toEqual(['STALE_VERSION expectedVersion', 'INVALID_STATE id', 'TAKEN id'])
  })

  it.each<[string, Partial<ApiClientRecord>[], Partial<ApiClientRecord>, string[]]>([
    ['the only admin', [], {}, ['INVALID_STATE id']],
    ['an admin beside another one', [{}], {}, []],
    ['an admin beside a deactivated one', [{ isActive: false }], {}, ['INVALID_STATE id']],
    ['an admin beside one that has expired', [{ expiresAt: NOW }], {}, ['INVALID_STATE id']],
    ['an admin beside one that will expire', [{ expiresAt: later(1e9) }], {}, ['INVALID_STATE id']],
    ['an admin beside operators', [{ role: 'OPERATOR' }], {}, ['INVALID_STATE id']],
    ['one that will expire, beside one that will not', [{}], { expiresAt: later(60) }, []],
    ['one that will expire, beside another such', [{ expiresAt: later(1) }], { expiresAt: later(60) }, []],
    ['the last one that works, though it will expire', [{ expiresAt: NOW }], { expiresAt: later(60) }, ['INVALID_STATE id']],
    ['one that has expired, beside nobody', [], { expiresAt: NOW }, []],
    ['the only operator', [], { role: 'OPERATOR' }, []],
  ])('deactivating %s', (_, others, changes, faults) => {
    const client = named('the one', { role: 'ADMIN', ...changes })
    const state = snapshotOf(client, ...others.map((other, index) => named(`other ${index}`, { role: 'ADMIN', ...other })))
    expect(faultsOf(run(state, deactivateApiClient, { id: client.id }))).toEqual(faults)
  })

  it('put back, is judged by the same rules', () => {
    const left = named('left', { role: 'ADMIN', isActive: false })
    const restored = (...clients: ApiClientRecord[]) =>
      findRestoredFaults(snapshotOf(...clients).view(apiClientCollection), clients[0] as ApiClientRecord, NOW).map(({ code }) => code)
    expect(restored(left)).toEqual(['INVALID_STATE'])
    expect(restored(named('demoted', { role: 'OPERATOR' }))).toEqual(['INVALID_STATE'])
    expect(restored(named('no more', { role: 'ADMIN', expiresAt: later(60) }), named('other'))).toEqual(['INVALID_STATE'])
    expect(restored(named('demoted', { role: 'OPERATOR' }), admin)).toEqual([])
    expect(restored(left, admin)).toEqual([])
    expect(restored(named('same'), named('same'), admin)).toEqual(['TAKEN'])
    expect(restored(named('same'), named('same', { isActive: false }), admin)).toEqual([])
  })
})

describe('rotating a key', () => {
  const { client, keyText: firstKey } = clientWithKey({ name: 'script', role: 'ADMIN' }, PEPPER)

  it('without an overlap ends the old key at once, whatever the time is', () => {
    const { keyText, snapshot, result } = rotate(snapshotOf(client), client.id, 0)
    for (const seconds of [-1e6, 0, 1e6]) expect(verdictAt(snapshot, firstKey, later(seconds))).toBe('EXPIRED')
    expect(verdictAt(snapshot, keyText, NOW)).toBe('VALID')
    expect(result).toMatchObject({ ok: true, value: { id: client.id, version: 2, previousKeyExpiresAt: null } })
    expect(rotate(snapshotOf(client), client.id, null).result).toMatchObject({ ok: true, value: { previousKeyExpiresAt: null } })
  })

  it('lets the old key work for just as long as was said', () => {
    const { keyText, snapshot } = rotate(snapshotOf(client), client.id, 604_800)
    const verdicts = (now: Date) => [firstKey, keyText].map((key) => verdictAt(snapshot, key, now))
    expect(verdicts(NOW)).toEqual(['VALID', 'VALID'])
    expect(verdicts(later(604_799.999))).toEqual(['VALID', 'VALID'])
    expect(verdicts(later(604_800))).toEqual(['EXPIRED', 'VALID'])
  })

  it('during an overlap ends the oldest key at once', () => {
    const first = rotate(snapshotOf(client), client.id, 3_600)
    const second = rotate(first.snapshot, client.id, 60, later(10))
    const verdicts = (now: Date) => [firstKey, first.keyText, second.keyText].map((key) => verdictAt(second.snapshot, key, now))
    expect(verdicts(later(10))).toEqual(['NOT_FOUND', 'VALID', 'VALID'])
    expect(verdicts(later(70))).toEqual(['NOT_FOUND', 'EXPIRED', 'VALID'])
  })

  it.each<[string, Partial<ApiClientRecord>, number, string[]]>([
    ['a negative overlap', {}, -1, ['INVALID overlapSeconds']],
    ['an overlap above 7 days', {}, 604_801, ['INVALID overlapSeconds']],
    ['a client that has expired', { expiresAt: NOW }, 0, ['INVALID_STATE id']],
    ['a client that has expired, and a wrong overlap', { expiresAt: NOW }, -1, ['INVALID_STATE id', 'INVALID overlapSeconds']],
    ['a deactivated client', { isActive: false }, 0, []],
  ])('of %s', (_, changes, overlapSeconds, faults) => {
    const other = named('other', changes)
    expect(faultsOf(rotate(snapshotOf(other), other.id, overlapSeconds))).toEqual(faults)
  })

  it('is refused for a client that is not there, with every other fault', () => {
    expect(faultsOf(rotate(snapshotOf(), 'nobody', 604_801))).toEqual(['NOT_FOUND id', 'INVALID overlapSeconds'])
  })

  it('of a deactivated client gives a key that works once it is activated, and the leaked one never again', () => {
    const { client: left, keyText: leaked } = clientWithKey({ name: 'left', isActive: false }, PEPPER)
    const rotated = rotate(snapshotOf(left), left.id, 0)
    expect(verdictAt(rotated.snapshot, rotated.keyText, NOW)).toBe('DISABLED')
    const { snapshot } = run(rotated.snapshot, activateApiClient, { id: left.id })
    expect([leaked, rotated.keyText].map((key) => verdictAt(snapshot, key, NOW))).toEqual(['EXPIRED', 'VALID'])
  })
})

describe('any sequence of commands', () => {
  type Step = {
    kind: 'register' | 'activate' | 'deactivate' | 'rotate' | 'update'
    who: number
    role: Role
    name: number
    lifeSeconds: number | null
    overlapSeconds: number
    waitSeconds: number
  }
  const step: fc.Arbitrary<Step> = fc.record({
    kind: fc.constantFrom('register', 'activate', 'deactivate', 'deactivate', 'rotate', 'update', 'update'),
    who: fc.nat(9),
    role: fc.constantFrom(...ROLES, 'ADMIN' as const),
    name: fc.nat(4),
    lifeSeconds: fc.option(fc.integer({ min: 1, max: 300 })),
    overlapSeconds: fc.constantFrom(0, 0, 60, 604_800),
    waitSeconds: fc.integer({ min: 0, max: 120 }),
  })

  /** One step on the state, with the keys that are in somebody's hands: the newest of each client. */
  function take(
    state: { snapshot: Snapshot; keys: Map<string, string>; now: Date },
    { kind, who, role, name, lifeSeconds, overlapSeconds, waitSeconds }: Step,
  ) {
    const now = later(waitSeconds, state.now)
    const ids = [...state.keys.keys()]
    const id = ids[who % ids.length] as string
    const keys = new Map(state.keys)
    if (kind === 'register') {
      const { keyText, result, snapshot } = register(
        state.snapshot,
        { name: `n${name}`, role, expiresAt: lifeSeconds === null ? null : later(lifeSeconds, now) },
        now,
      )
      if (result.ok) keys.set(result.value as string, keyText)
      return { snapshot, keys, now }
    }
    if (kind === 'rotate') {
      const { keyText, result, snapshot } = rotate(state.snapshot, id, overlapSeconds, now)
      if (result.ok) keys.set(id, keyText)
      return { snapshot, keys, now }
    }
    if (kind === 'update') {
      const expiresAt = lifeSeconds === null ? null : later(lifeSeconds, now)
      return { ...run(state.snapshot, updateApiClient, { id, name: `n${name}`, role, expiresAt }, now), keys, now }
    }
    return { ...run(state.snapshot, kind === 'activate' ? activateApiClient : deactivateApiClient, { id }, now), keys, now }
  }

  it('leaves an active ADMIN without an expiry, whose newest key works, and no two active clients of one name', () => {
    const { client, keyText } = clientWithKey({ name: 'first admin', role: 'ADMIN' }, PEPPER)
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let state = { snapshot: snapshotOf(client), keys: new Map([[client.id, keyText]]), now: NOW }
        for (const each of steps) {
          state = take(state, each)
          const clients = [...state.snapshot.view(apiClientCollection).values()]
          const lasting = clients.filter(({ id, role, expiresAt }) => {
            const hasKey = verdictAt(state.snapshot, state.keys.get(id) ?? '', state.now) === 'VALID'
            return role === 'ADMIN' && expiresAt === null && hasKey
          })
          expect(lasting.length).toBeGreaterThan(0)
          const names = clients.filter(({ isActive }) => isActive).map(({ name }) => name)
          expect(new Set(names).size).toBe(names.length)
        }
      }),
      { numRuns: 500 },
    )
  })
})
