import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { changesOf, operate, placesOf, revertRevision } from '../testkit/admin-operations.js'
import { startTestServer, type TestServer } from '../testkit/server.js'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})

afterAll(() => server.close())

const edit = (...steps: object[]) => operate(server, { steps })

describe('an object that one operation deletes and makes again', () => {
  it('is the end of one object and the beginning of another one, in plan and log, and a revert brings the first one back', async () => {
    const [made] = (await edit({ setFeatureFlag: { key: 'again', description: 'first' } })).changes
    await edit({ setFeatureFlag: { key: 'again', isEnabled: false } })
    const steps = [{ deleteFeatureFlag: { key: 'again' } }, { setFeatureFlag: { key: 'again', description: 'second' } }]
    const planned = (await operate(server, { dryRun: true, steps })).plan
    expect(planned.map(({ step, action }) => [step, action])).toEqual([
      [0, 'DELETE'],
      [1, 'CREATE'],
    ])
    const { revision, changes, plan } = await edit(...steps)
    expect(plan.map(({ step, action }) => [step, action])).toEqual(planned.map(({ step, action }) => [step, action]))
    expect(changes).toMatchObject([
      { action: 'DELETE', targetId: made?.targetId, before: { version: 2, description: 'first' }, after: null },
      { action: 'CREATE', before: null, after: { version: 1, description: 'second' } },
    ])
    expect(changes[1]?.targetId).not.toBe(made?.targetId)
    const ends = await changesOf(server, { targetId: made?.targetId })
    expect(ends.map(({ action }) => action)).toEqual(['DELETE', 'UPDATE', 'CREATE'])

    const reverted = await revertRevision(server, { revision })
    expect(reverted.userErrors).toEqual([])
    const { data } = await server.gql('{ featureFlag(key: "again") { id description isEnabled version } auditIntegrity { isIntact } }')
    expect(data).toEqual({
      featureFlag: { id: made?.targetId, description: 'first', isEnabled: false, version: 3 },
      auditIntegrity: { isIntact: true },
    })
  })
})

describe('a revert', () => {
  it('is refused where an object was made and deleted again since, though there is none now as then', async () => {
    await edit({ setFeatureFlag: { key: 'aba', description: 'old' } })
    const { revision } = await edit({ deleteFeatureFlag: { key: 'aba' } })
    await edit({ setFeatureFlag: { key: 'aba' } })
    await edit({ setFeatureFlag: { key: 'aba', description: 'new' } })
    await edit({ setFeatureFlag: { key: 'aba', isEnabled: false } })
    const { revision: last } = await edit({ deleteFeatureFlag: { key: 'aba' } })
    for (const dryRun of [true, false]) {
      const refused = await revertRevision(server, { revision, dryRun })
      expect(placesOf(refused.userErrors)).toEqual([['INVALID_STATE', 'revision']])
      expect(refused.userErrors[0]?.message).toContain(`FeatureFlag aba has changed since revision ${revision}`)
    }
    expect((await revertRevision(server, { revision: last })).userErrors).toEqual([])
    expect((await server.gql('{ featureFlag(key: "aba") { description } }')).data).toEqual({ featureFlag: { description: 'new' } })
  })
})
