import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { commandContext } from '../../../test/testkit/commands.js'
import { openTestDatabase } from '../../../test/testkit/databases.js'
import { openTestLedger, run, TESTER } from '../../../test/testkit/ledger.js'
import type { Database } from '../../core/database/database.js'
import type { Ledger } from '../../core/ledger/ledger.js'
import { Draft } from '../../core/state/draft.js'
import type { Json } from '../../core/values/json.js'
import { configEntryCollection } from './config-entry.collection.js'
import { setConfig } from './config-entry.commands.js'
import type { SetConfigInput } from './config-entry.inputs.js'

// Put together here, so that no scanner takes this file for a leak.
const GITHUB_TOKEN = ['gh', 'p_', 'aB3dE5gH7jK9mN1pQ3rS5tU7vW9xY1zA3bC5'].join('')
const DSN = 'postgresql://app:hunter22@db.example.org/x'
const RANDOM = ['wJalrXUt', 'nFEMI7MDENG', 'bPxRfiCY2Eq'].join('')

let database: Database
let ledger: Ledger
beforeEach(async () => {
  database = await openTestDatabase('pglite')
  ledger = await openTestLedger(database)
})
afterEach(async () => {
  await ledger.close()
  await database.close()
})

/** Code and field of every fault. */
async function faultsOf(input: SetConfigInput, on = ledger): Promise<string[]> {
  const outcome = await run(on, setConfig, input)
  const text = JSON.stringify(outcome)
  for (const secret of [GITHUB_TOKEN, 'hunter22', RANDOM]) if (!outcome.ok) expect(text).not.toContain(secret)
  return outcome.ok ? [] : outcome.userErrors.map(({ code, field }) => `${code} ${field?.join('.')}`)
}

describe('setConfig refuses what looks like a secret', () => {
  it.each<[string, Partial<SetConfigInput>, string]>([
    ['in the value', { value: { url: DSN } }, 'value.url'],
    ['in the description', { value: 1, description: `was ${GITHUB_TOKEN} before` }, 'description'],
    ['in an example of the schema', { value: 'a', valueSchema: { examples: ['a', DSN] } }, 'valueSchema.examples.1'],
    ['in a comment of the schema', { value: 'a', valueSchema: { $comment: GITHUB_TOKEN } }, 'valueSchema.$comment'],
    [
      'in a default under a secret name',
      { value: {}, valueSchema: { properties: { password: { default: RANDOM } } } },
      'valueSchema.properties.password.default',
    ],
    ['in a property name of the schema', { value: {}, valueSchema: { properties: { [GITHUB_TOKEN]: {} } } }, 'valueSchema.properties'],
  ])('%s, and stores nothing', async (_, input, field) => {
    expect(await faultsOf({ key: 'notes', ...input })).toEqual([`LOOKS_SECRET ${field}`])
    expect(ledger.snapshot.revision).toBe(0)
  })

  it('in an edit that gives no value, too', async () => {
    await run(ledger, setConfig, { key: 'notes', value: 'fine' })
    expect(await faultsOf({ key: 'notes', description: DSN })).toEqual(['LOOKS_SECRET description'])
    expect(await faultsOf({ key: 'db/password', description: RANDOM })).toEqual(['LOOKS_SECRET description', 'REQUIRED value'])
    expect(ledger.snapshot.revision).toBe(1)
  })

  it('in every part at once', async () => {
    const input = { key: 'notes', value: DSN, description: DSN, valueSchema: { default: DSN } }
    expect(await faultsOf(input)).toEqual(['LOOKS_SECRET value', 'LOOKS_SECRET description', 'LOOKS_SECRET valueSchema.default'])
  })
})

it('a schema of what is secret is no secret', async () => {
  const valueSchema: Json = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Credentials',
    description: 'Where the token and the password are kept.',
    type: 'object',
    required: ['passwordReferenceV2', 'tokenProvider_x9Aq27zZ'],
    properties: {
      password: { $ref: '#/$defs/x9Aq27zZ_Reference' },
      token: { type: 'string', format: 'uri-reference', pattern: '^vault:[a-z0-9/]+$', contentEncoding: 'base64url' },
    },
    $defs: { x9Aq27zZ_Reference: { type: 'string', pattern: '^(?:vault|op):.{1,200}$', minLength: 12 } },
  }
  const value = { password: 'vault:a', passwordReferenceV2: 1, tokenProvider_x9Aq27zZ: 2 }
  expect(await faultsOf({ key: 'auth', value: { ...value, password: 'vault:secret/app' }, valueSchema })).toEqual([])
})

describe('a property name that is a secret', () => {
  const valueSchema = { type: 'object', properties: { a: { enum: ['x'] } }, additionalProperties: false }

  it('is not written back through the schema that it does not fit', async () => {
    const input = { key: 'notes', value: { [GITHUB_TOKEN]: 1, a: 'y' }, valueSchema }
    expect(await faultsOf(input)).toEqual(['LOOKS_SECRET value'])
    await run(ledger, setConfig, { key: 'notes', value: {}, valueSchema })
    expect(await faultsOf({ key: 'notes', value: { b: { [GITHUB_TOKEN]: 1 } } })).toEqual(['LOOKS_SECRET value.b', 'INVALID value'])
  })

  it('is not written back to an ADMIN who may store it, and the schema holds all the same', async () => {
    const lenient = await openTestLedger(database, { isSecretValueAllowed: true })
    await run(lenient, setConfig, { key: 'notes', value: {}, valueSchema })
    const input = { key: 'notes', value: { [GITHUB_TOKEN]: 1 }, reason: 'a test' }
    expect(await faultsOf(input, lenient)).toEqual(['INVALID value'])
    expect(await faultsOf({ key: 'other', value: input.value }, lenient)).toEqual(['REQUIRED reason'])
    expect(await run(lenient, setConfig, { ...input, key: 'other' })).toMatchObject({ ok: true })
    expect(lenient.snapshot.view(configEntryCollection).get('other')?.value).toEqual({ [GITHUB_TOKEN]: 1 })
    await lenient.close()
  })

  it('cannot be stored by whoever may not unlock entries, whatever the deployment allows', async () => {
    const input = { key: 'notes', value: GITHUB_TOKEN, reason: 'a test' }
    const caller = { ...TESTER, permissions: new Set(['config:write']) }
    const lenient = await openTestLedger(database, { isSecretValueAllowed: true })
    const outcome = await lenient.commit({ command: setConfig, input, caller, correlationId: 'test' })
    expect(outcome).toMatchObject({ ok: false, userErrors: [{ code: 'LOOKS_SECRET', field: ['value'] }] })
    await lenient.close()
  })

  it('is not written back either where the scan and the command were given copies of an input', async () => {
    const input = { key: 'notes', value: { [GITHUB_TOKEN]: 1 }, valueSchema }
    const context = commandContext({ caller: TESTER, now: new Date() })
    await setConfig.prepare?.({ ...input, reason: 'a test' }, context)
    const result = setConfig.run(new Draft(ledger.snapshot), input, context)
    expect(result).toMatchObject({ ok: false, userErrors: [{ code: 'INVALID', field: ['value'] }] })
    expect(JSON.stringify(result)).not.toContain(GITHUB_TOKEN)
  })

  it('does not hide other faults', async () => {
    const input = { key: 'Bad Key!', value: { [GITHUB_TOKEN]: 1 }, valueSchema: { enum: [GITHUB_TOKEN], typo: true } }
    expect((await faultsOf(input)).sort()).toEqual([
      'INVALID key',
      'INVALID valueSchema',
      'LOOKS_SECRET value',
      'LOOKS_SECRET valueSchema.enum.0',
    ])
  })
})
