import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestServer, type TestServer } from '../../../test/testkit/server.js'
import { MAX_CUSTOM_CHECKS } from './checks/smoke-check.collection.js'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.close())

interface Answer {
  readonly revision: number | null
  readonly userErrors: readonly { readonly code: string; readonly message: string; readonly field: readonly string[] | null }[]
}

async function operate(steps: readonly object[]): Promise<Answer> {
  const query =
    'mutation ($steps: [AdminStepInput!]!) { answer: runAdminOperation(input: { steps: $steps }) { revision userErrors { code message field } } }'
  const { data, errors } = await server.gql(query, { steps })
  expect(errors).toBe(undefined)
  return (data as unknown as { answer: Answer }).answer
}

async function revert(revision: number | null): Promise<Answer> {
  const query =
    'mutation ($revision: Int!) { answer: revertRevision(input: { revision: $revision }) { revision userErrors { code message field } } }'
  const { data, errors } = await server.gql(query, { revision })
  expect(errors).toBe(undefined)
  return (data as unknown as { answer: Answer }).answer
}

async function countChecks(): Promise<number> {
  const { data } = await server.gql('{ smokeChecks { isBuiltIn } }')
  return (data as unknown as { smokeChecks: { isBuiltIn: boolean }[] }).smokeChecks.filter(({ isBuiltIn }) => !isBuiltIn).length
}

const check = (name: string) => ({ setSmokeCheck: { name, kind: 'HTTP', path: '/' } })

it(`a revert never makes more than ${MAX_CUSTOM_CHECKS} checks of them`, async () => {
  expect(await operate(Array.from({ length: MAX_CUSTOM_CHECKS }, (_, index) => check(`check-${index}`)))).toMatchObject({ userErrors: [] })
  const { revision } = await operate([{ deleteSmokeCheck: { name: 'check-0' } }])
  expect(await operate([check('another')])).toMatchObject({ userErrors: [] })
  expect(await revert(revision)).toEqual({
    revision: null,
    userErrors: [
      {
        code: 'INVALID_STATE',
        field: ['revision'],
        message: 'There would be more than 100 checks, which is the limit. Delete one that was added meanwhile first.',
      },
    ],
  })
  expect(await countChecks()).toBe(MAX_CUSTOM_CHECKS)
  await operate([{ deleteSmokeCheck: { name: 'another' } }])
  expect(await revert(revision)).toMatchObject({ userErrors: [] })
  expect(await countChecks()).toBe(MAX_CUSTOM_CHECKS)
})
