import { describe, expect, it } from 'vitest'
import { clientWithKey, snapshotOf } from '../../../test/testkit/api-clients.js'
import { faultsOf, later, NOW, named, PEPPER, runCommand as run, verdictAt } from '../../../test/testkit/client-commands.js'
import type { UpdateApiClientInput } from './api-client.inputs.js'
import type { ApiClientRecord } from './api-client.js'
import { updateApiClient } from './client-update.command.js'

describe('updating a client', () => {
  const admin = named('admin', { role: 'ADMIN' })
  const update = (input: Omit<UpdateApiClientInput, 'id'>, changes: Partial<ApiClientRecord> = {}, ...others: ApiClientRecord[]) => {
    const client = named('script', { description: 'nightly', ...changes })
    return { client, ...run(snapshotOf(client, ...others), updateApiClient, { id: client.id, ...input }, later(1)) }
  }

  it('changes what is given and nothing else; its key stays', () => {
    const { client, keyText } = clientWithKey({ name: 'script', description: 'nightly', expiresAt: later(60) }, PEPPER)
    const all = { name: 'job', description: null, role: 'OPERATOR', expiresAt: null } as const
    const { result, snapshot } = run(snapshotOf(client), updateApiClient, { id: client.id, expectedVersion: 1, ...all }, later(1))
    expect(result).toEqual({ ok: true, value: { ...client, ...all, version: 2, updatedAt: later(1) } })
    expect(verdictAt(snapshot, keyText, later(61))).toBe('VALID')
    const { client: other, result: onlyName } = update({ name: 'job' })
    expect(onlyName).toEqual({ ok: true, value: { ...other, name: 'job', version: 2, updatedAt: later(1) } })
  })

  it('changes nothing when it is so already', () => {
    const { result, client, changes } = update({ name: 'script', description: 'nightly', role: 'OBSERVER', expiresAt: null })
    expect([result, changes]).toEqual([{ ok: true, value: client }, []])
  })

  it('lets one that has expired in again, with the key that it had', () => {
    const { client, keyText } = clientWithKey({ name: 'script', expiresAt: NOW }, PEPPER)
    expect(verdictAt(snapshotOf(client), keyText, later(1))).toBe('EXPIRED')
    const { snapshot } = run(snapshotOf(client), updateApiClient, { id: client.id, expiresAt: later(9) }, later(1))
    expect([verdictAt(snapshot, keyText, later(8)), verdictAt(snapshot, keyText, later(9))]).toEqual(['VALID', 'EXPIRED'])
  })

  it.each<[string, Omit<UpdateApiClientInput, 'id'>, Partial<ApiClientRecord>, string[]]>([
    ['with a stale version', { expectedVersion: 7 }, {}, ['STALE_VERSION expectedVersion']],
    ['to an empty name', { name: ' ' }, {}, ['REQUIRED name']],
    ['to a name that is too long', { name: 'x'.repeat(101) }, {}, ['INVALID name']],
    ['to the name of an active client', { name: 'admin' }, {}, ['TAKEN name']],
    ['to that name while it is deactivated', { name: 'admin' }, { isActive: false }, []],
    ['to no name and no role', { name: null, role: null }, {}, ['INVALID name', 'INVALID role']],
    ['to a description that is too long', { description: 'x'.repeat(2_001) }, {}, ['INVALID description']],
    ['to an expiry that has just passed', { expiresAt: later(1) }, {}, ['INVALID expiresAt']],
    [
      'with everything wrong at once',
      { expectedVersion: 7, name: 'x'.repeat(101), description: 'x'.repeat(2_001), expiresAt: NOW },
      {},
      ['STALE_VERSION expectedVersion', 'INVALID name', 'INVALID description', 'INVALID expiresAt'],
    ],
  ])('%s', (_, input, changes, faults) => {
    const outcome = update(input, changes, admin)
    expect(faultsOf(outcome)).toEqual(faults)
    expect(outcome.changes).toHaveLength(faults.length === 0 ? 1 : 0)
  })

  it('is refused for a client that is not there', () => {
    expect(faultsOf(run(snapshotOf(admin), updateApiClient, { id: 'nobody', name: ' ' }))).toEqual(['NOT_FOUND id'])
  })

  it.each<[string, Omit<UpdateApiClientInput, 'id'>, Partial<ApiClientRecord>, Partial<ApiClientRecord>[], string[]]>([
    ['the last ADMIN to a lower role', { role: 'OPERATOR' }, {}, [], ['INVALID_STATE id']],
    ['it to a lower role beside one that will expire', { role: 'OPERATOR' }, {}, [{ expiresAt: later(1e9) }], ['INVALID_STATE id']],
    ['it to a lower role beside another one', { role: 'OPERATOR' }, {}, [{}], []],
    ['an expiry of the last ADMIN', { expiresAt: later(1e9) }, {}, [], ['INVALID_STATE id']],
    ['an expiry of one beside another one', { expiresAt: later(1e9) }, {}, [{}], []],
    ['the last ADMIN to another name', { name: 'other' }, {}, [], []],
    ['a deactivated ADMIN to a lower role', { role: 'OPERATOR' }, { isActive: false }, [{}], []],
    ['the last one that works, to a shorter time', { expiresAt: later(9) }, { expiresAt: later(99) }, [], ['INVALID_STATE id']],
    ['the last one that works, to a longer time', { expiresAt: later(99) }, { expiresAt: later(9) }, [], []],
  ])('takes care that nobody is locked out: %s', (_, input, changes, others, faults) => {
    const rest = others.map((other, index) => named(`other ${index}`, { role: 'ADMIN', ...other }))
    expect(faultsOf(update(input, { role: 'ADMIN', ...changes }, ...rest))).toEqual(faults)
  })
})
