import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, ENGINES } from '../testkit/databases.js'
import { startTestServer, type TestServer } from '../testkit/server.js'

/** A cursor as the server makes them. */
const cursor = (list: string, place: string): string => Buffer.from(`${list}:${place}`).toString('base64url')

const NOT_A_CURSOR = 'The argument `after` is not a cursor of this list; pass an `endCursor` or `cursor` as it was given.'
const NUL = 'must not hold the character U+0000.'
const SURROGATE = 'must be well-formed Unicode (it holds half of a surrogate pair).'
const TIME = 'must be a time from the year 0001 to the year 9999.'
const EVENT_ID = '00000000-0000-7000-8000-000000000000'

describe.each(ENGINES)('a list on %s, asked for what no row can be', (engine) => {
  let server: TestServer
  let drop: (() => Promise<void>) | undefined
  beforeAll(async () => {
    const database = engine === 'postgresql' ? await createTestDatabase() : undefined
    drop = database?.drop
    server = await startTestServer(database ? { DATABASE_URL: database.url } : {})
  })
  afterAll(async () => {
    await server.close()
    await drop?.()
  })

  const LISTS = {
    changes: 'query ($filter: ChangeFilter, $after: String) { list: changes(filter: $filter, after: $after) { nodes { id } totalCount } }',
    auditEvents:
      'query ($filter: AuditEventFilter, $after: String) { list: auditEvents(filter: $filter, after: $after) { nodes { id } totalCount } }',
    rateLimitSnapshots:
      'query ($filter: RateLimitSnapshotFilter, $after: String) { list: rateLimitSnapshots(filter: $filter, after: $after) { nodes { id } totalCount } }',
  } as const

  it.each<[keyof typeof LISTS, Record<string, unknown>, string]>([
    ['changes', { filter: { targetType: 'a\u0000' } }, `The filter's \`targetType\` ${NUL}`],
    ['changes', { filter: { targetId: '\ud800' } }, `The filter's \`targetId\` ${SURROGATE}`],
    ['changes', { filter: { since: '0000-01-01T00:00:00Z' } }, `The filter's \`since\` ${TIME}`],
    ['changes', { filter: { until: '0001-01-01T00:00:00+00:01' } }, `The filter's \`until\` ${TIME}`],
    [
      'changes',
      { filter: { sinceRevision: -5 } },
      "The filter's `sinceRevision` must be 0 or more, is -5. 0 means from the beginning of the log.",
    ],
    ['changes', { after: cursor('Change', '9999999999.0') }, NOT_A_CURSOR],
    ['auditEvents', { filter: { operation: 'a\u0000' } }, `The filter's \`operation\` ${NUL}`],
    ['auditEvents', { filter: { actorId: '\u0000' } }, `The filter's \`actorId\` ${NUL}`],
    ['auditEvents', { filter: { since: '0000-01-01T00:00:00Z' } }, `The filter's \`since\` ${TIME}`],
    ['auditEvents', { after: cursor('AuditEvent', `0000-01-01T00:00:00.000Z/${EVENT_ID}`) }, NOT_A_CURSOR],
    ['rateLimitSnapshots', { filter: { key: 'a\u0000' } }, `The filter's \`key\` ${NUL}`],
  ])('says what is wrong with it: %s %j', async (list, variables, message) => {
    const { status, data, errors } = await server.gql(LISTS[list], variables)
    expect({ status, data, errors: errors?.map(({ extensions, message: said }) => [extensions?.['code'], said]) }).toEqual({
      status: 400,
      data: null,
      errors: [['BAD_USER_INPUT', message]],
    })
  })

  it('answers what a row could be, up to the bounds', async () => {
    const times = { since: '0001-01-01T00:00:00Z', until: '9999-12-31T23:59:59.999Z' }
    const none = { list: { nodes: [], totalCount: 0 } }
    const first = { list: { nodes: [{ id: '1.0' }], totalCount: 1 } }
    for (const [list, variables, data] of [
      ['changes', { filter: { ...times, sinceRevision: 0, untilRevision: 1 }, after: cursor('Change', '999999999.999999') }, first],
      ['changes', { filter: { since: times.until } }, none],
      ['changes', { filter: { until: times.since } }, none],
      ['auditEvents', { filter: { ...times, operation: 'none' } }, none],
      ['rateLimitSnapshots', { filter: { key: '\u{1f600}' } }, none],
    ] as const) {
      expect(await server.gql(LISTS[list], variables)).toMatchObject({ status: 200, data })
    }
  })
})
