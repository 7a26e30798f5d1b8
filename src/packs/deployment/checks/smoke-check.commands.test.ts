import { describe, expect, it } from 'vitest'
import { commandContext, deletionOf } from '../../../../test/testkit/commands.js'
import { TESTER } from '../../../../test/testkit/ledger.js'
import type { Command } from '../../../core/state/command.js'
import { Draft } from '../../../core/state/draft.js'
import { Snapshot } from '../../../core/state/snapshot.js'
import { BUILT_IN_CHECKS } from '../probes/built-in-checks.js'
import { MAX_CUSTOM_CHECKS, type SmokeCheckRecord, smokeCheckCollection } from './smoke-check.collection.js'
import { setSmokeCheck } from './smoke-check.commands.js'
import type { SetSmokeCheckInput } from './smoke-check.inputs.js'

const NOW = new Date('2026-03-01T00:00:00.000Z')
let ids = 0
const deleteSmokeCheck = deletionOf<'name'>('deleteSmokeCheck')

function emptyDraft(): Draft {
  return new Draft(Snapshot.empty([smokeCheckCollection], { revision: 0, digest: '' }))
}

function run<I extends object, O>(command: Command<I, O>, input: I, draft = emptyDraft()) {
  const result = command.run(draft, input, commandContext({ caller: TESTER, now: NOW, newId: () => `id-${++ids}` }))
  if (result.ok) return { value: result.value, faults: [] as string[], draft }
  return { value: undefined, faults: result.userErrors.map(({ code, field }) => `${code} ${(field ?? []).join('.')}`), draft }
}

/** The faults of setting a check that would be right but for `changes`. */
const faultsOf = (changes: Partial<SetSmokeCheckInput>, draft?: Draft): string[] =>
  run(setSmokeCheck, { name: 'home', kind: 'HTTP', path: '/', ...changes } as SetSmokeCheckInput, draft).faults

describe('a new check', () => {
  it('has the defaults where nothing is said', () => {
    const http = run(setSmokeCheck, { name: 'home', kind: 'HTTP', path: '/' }).value
    expect(http).toMatchObject({
      path: '/',
      query: null,
      expectStatus: 200,
      expectBody: null,
      maxLatencyMs: null,
      isBlocking: true,
      isEnabled: true,
      version: 1,
    })
    const graphql = run(setSmokeCheck, { name: 'typename', kind: 'GRAPHQL', query: '{ __typename }' }).value
    expect(graphql).toMatchObject({ path: '/graphql', query: '{ __typename }', expectStatus: 200, version: 1 })
  })

  it('has what is said', () => {
    const said = {
      path: '/readyz?full=1',
      expectStatus: 503,
      expectBody: { status: 'closing' },
      maxLatencyMs: 250,
      isBlocking: false,
      isEnabled: false,
    }
    expect(run(setSmokeCheck, { name: 'a.b_c-9', kind: 'HTTP', ...said }).value).toMatchObject(said)
  })

  it('is refused with every fault at once', () => {
    const faults = faultsOf({
      name: 'Not a name',
      path: '//evil.example',
      query: '{ a }',
      expectStatus: 99,
      maxLatencyMs: 0,
      expectBody: { constructor: 1 },
      isBlocking: null,
      isEnabled: null,
      expectedVersion: 3,
    })
    expect(faults).toEqual([
      'INVALID name',
      'INVALID path',
      'INVALID query',
      'INVALID expectStatus',
      'INVALID expectBody.constructor',
      'INVALID maxLatencyMs',
      'INVALID isBlocking',
      'INVALID isEnabled',
      'STALE_VERSION expectedVersion',
    ])
  })

  it.each(BUILT_IN_CHECKS.map(({ name }) => name))('cannot take the name of the built-in %s, nor can that be deleted', (name) => {
    expect(faultsOf({ name })).toEqual(['INVALID_STATE name'])
    expect(run(deleteSmokeCheck, { name }).faults).toEqual(['INVALID_STATE name'])
  })

  it('may be the hundredth, not the one after it', () => {
    const draft = emptyDraft()
    for (let index = 0; index < MAX_CUSTOM_CHECKS; index += 1) expect(faultsOf({ name: `check-${index}` }, draft)).toEqual([])
    expect(faultsOf({ name: 'one-more' }, draft)).toEqual(['LIMIT_EXCEEDED name'])
    expect(faultsOf({ name: 'check-0', expectStatus: 204 }, draft)).toEqual([])
  })
})

describe('a name', () => {
  it.each(['a', '0', 'a'.repeat(100), 'a.b_c-d'])('%s is taken', (name) => expect(faultsOf({ name })).toEqual([]))
  it.each(['A', '-a', '.a', '_a', 'a/b', 'a b', 'é', 'a\n', 'a'.repeat(101)])('%j is not', (name) =>
    expect(faultsOf({ name })).toEqual(['INVALID name']),
  )
  it('must not be empty', () => expect(faultsOf({ name: '' })).toEqual(['REQUIRED name']))
})

describe('a path', () => {
  it.each(['/', '/readyz', '/a/b?c=d&e=%20', '/@evil.example', '/a:80', '/a?b=//c', '/~user', '/a?x=http://example.com'])(
    '%s is taken',
    (path) => {
      expect(faultsOf({ path })).toEqual([])
    },
  )

  it.each([
    '',
    'readyz',
    'http://evil.example/',
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/a//b',
    '/./a',
    '/a/../b',
    '/a/..',
    '/%2e%2e/a',
    '/.//evil.example',
    '@evil.example',
    ':80/a',
    '/a b',
    '/a\r\nHost: evil.example',
    '/a\nb',
    '/a\tb',
    '/a\u0000',
    '/é',
    '/a#b',
    '/a"b',
    '/<a>',
    `/${'a'.repeat(2_000)}`,
  ])('%j is not', (path) => expect(faultsOf({ path })).toEqual(['INVALID path']))

  it('must be there for HTTP, and is /graphql for GRAPHQL', () => {
    expect(faultsOf({ path: undefined })).toEqual(['REQUIRED path'])
    expect(faultsOf({ path: null })).toEqual(['REQUIRED path'])
    expect(run(setSmokeCheck, { name: 'q', kind: 'GRAPHQL', query: '{ a }', path: null }).value?.path).toBe('/graphql')
  })
})

describe('a query', () => {
  const faultsOfQuery = (query: string | null | undefined) => run(setSmokeCheck, { name: 'q', kind: 'GRAPHQL', query }).faults

  it.each(['{ a }', 'query Q { a }', 'query ($n: Int! = 1, $m: Int) { a(n: $n, m: $m) }', '{ ...F } fragment F on Query { a }'])(
    '%s is taken',
    (query) => expect(faultsOfQuery(query)).toEqual([]),
  )

  it.each([
    '{',
    'a',
    'mutation { a }',
    'subscription { a }',
    'query A { a } query B { b }',
    'query A { a } mutation B { b }',
    'fragment F on Query { a }',
    'query ($n: Int!) { a(n: $n) }',
    'type A { b: Int }',
    `{ ${'a '.repeat(3_000)} }`,
    `{ a } # ${'x'.repeat(10_000)}`,
  ])('%s is not', (query) => expect(faultsOfQuery(query)).toEqual(['INVALID query']))

  it('must be there for GRAPHQL, and must not for HTTP', () => {
    expect(faultsOfQuery(undefined)).toEqual(['REQUIRED query'])
    expect(faultsOfQuery(null)).toEqual(['REQUIRED query'])
    expect(faultsOf({ query: '{ a }' })).toEqual(['INVALID query'])
  })
})

it('the kind PROCESS is for built-in checks', () => expect(faultsOf({ kind: 'PROCESS' })).toEqual(['INVALID kind']))

it.each([
  ['expectStatus', [100, 200, 599], [99, 600, -1]],
  ['maxLatencyMs', [1, 60_000], [0, 60_001, -5]],
] as const)('%s has bounds', (field, inside, outside) => {
  for (const value of inside) expect(faultsOf({ [field]: value })).toEqual([])
  for (const value of outside) expect(faultsOf({ [field]: value })).toEqual([`INVALID ${field}`])
})

it('an expected body has at most 16 KiB', () => {
  expect(faultsOf({ expectBody: 'x'.repeat(16_000) })).toEqual([])
  expect(faultsOf({ expectBody: 'x'.repeat(17_000) })).toEqual(['INVALID expectBody'])
})

describe('a check that is there', () => {
  const existing = (): { draft: Draft; before: SmokeCheckRecord } => {
    const draft = emptyDraft()
    const before = run(
      setSmokeCheck,
      { name: 'q', kind: 'GRAPHQL', query: '{ a }', expectBody: { a: 1 }, maxLatencyMs: 5, isBlocking: false },
      draft,
    ).value
    if (!before) throw new Error('was refused')
    return { draft, before }
  }

  it('keeps what is left out, and counts its edits', () => {
    const { draft, before } = existing()
    const after = run(setSmokeCheck, { name: 'q', kind: 'GRAPHQL', expectStatus: 201 }, draft).value
    expect(after).toEqual({ ...before, expectStatus: 201, version: 2, updatedAt: NOW })
  })

  it('is cleared by null', () => {
    const { draft } = existing()
    expect(
      run(setSmokeCheck, { name: 'q', kind: 'GRAPHQL', expectBody: null, maxLatencyMs: null, expectStatus: null }, draft).value,
    ).toMatchObject({
      expectBody: null,
      maxLatencyMs: null,
      expectStatus: 200,
    })
  })

  it('is the same when nothing is changed', () => {
    const { draft, before } = existing()
    expect(run(setSmokeCheck, { name: 'q', kind: 'GRAPHQL', query: '{ a }' }, draft).value).toBe(before)
  })

  it('loses its query when it becomes an HTTP check, and needs one to become GRAPHQL again', () => {
    const { draft } = existing()
    expect(run(setSmokeCheck, { name: 'q', kind: 'HTTP' }, draft).value).toMatchObject({ kind: 'HTTP', path: '/graphql', query: null })
    expect(run(setSmokeCheck, { name: 'q', kind: 'GRAPHQL' }, draft).faults).toEqual(['REQUIRED query'])
  })

  it('is not changed or deleted from a stale version', () => {
    const { draft } = existing()
    expect(run(setSmokeCheck, { name: 'q', kind: 'GRAPHQL', expectStatus: 201, expectedVersion: 0 }, draft).faults).toEqual([
      'STALE_VERSION expectedVersion',
    ])
    expect(run(deleteSmokeCheck, { name: 'q', expectedVersion: 2 }, draft).faults).toEqual(['STALE_VERSION expectedVersion'])
    expect(run(deleteSmokeCheck, { name: 'q', expectedVersion: 1 }, draft).value).toBe('q')
    expect(run(deleteSmokeCheck, { name: 'q' }, draft).faults).toEqual(['NOT_FOUND name'])
  })
})
