import pino from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Retention } from '../../src/core/background/retention.js'
import { systemClock } from '../../src/core/platform/clock.js'
import { operate, placesOf, type ShownOperation } from '../testkit/admin-operations.js'
import { startTestServer, type TestServer } from '../testkit/server.js'

const STALE = [['STALE_PLAN', 'plannedAtRevision']]

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})

afterAll(() => server.close())

const edit = async (input: object): Promise<void> => {
  expect((await operate(server, { steps: [input] })).userErrors).toEqual([])
}

/** Plans a step, lets something happen, and applies the step as it was planned. */
async function applyAfter(step: object, happening: () => Promise<void>, more: object = {}): Promise<ShownOperation> {
  const plan = await operate(server, { dryRun: true, steps: [step] })
  expect(plan.userErrors).toEqual([])
  await happening()
  return operate(server, { steps: [step], plannedAtRevision: plan.plannedAtRevision, ...more })
}

describe('an operation that is applied as planned is refused with STALE_PLAN', () => {
  it('with an idempotency key as without one, and a replay still gives its first answer', async () => {
    await edit({ setFeatureFlag: { key: 'keyed', description: 'old' } })
    const step = { setFeatureFlag: { key: 'keyed', isEnabled: false } }
    const happening = () => edit({ setFeatureFlag: { key: 'keyed', description: 'new' } })
    const stale = await applyAfter(step, happening, { idempotencyKey: 'stale-1' })
    expect(placesOf(stale.userErrors)).toEqual(STALE)
    expect(stale.revision).toBe(null)

    const applied = await applyAfter(step, async () => undefined, { idempotencyKey: 'applied-1' })
    expect(applied.userErrors).toEqual([])
    await happening()
    const again = { steps: [step], plannedAtRevision: applied.plannedAtRevision, idempotencyKey: 'applied-1' }
    expect(await operate(server, again)).toEqual(applied)
  })

  it('where the object has moved to just what the step sets', async () => {
    await edit({ setFeatureFlag: { key: 'same', isEnabled: true } })
    const step = { setFeatureFlag: { key: 'same', isEnabled: false } }
    expect(placesOf((await applyAfter(step, () => edit(step))).userErrors)).toEqual(STALE)
  })

  it('where the object was deleted, rather than with what its step makes of that', async () => {
    await edit({ setFeatureFlag: { key: 'gone' } })
    const stale = await applyAfter({ deleteFeatureFlag: { key: 'gone' } }, () => edit({ deleteFeatureFlag: { key: 'gone' } }))
    expect(placesOf(stale.userErrors)).toEqual(STALE)
    expect(stale.userErrors[0]?.message).toContain('FeatureFlag gone has changed since')
  })

  it('where an object that is found by more than its id was deleted', async () => {
    const made = await operate(server, { steps: [{ setRateLimitRule: { scope: 'IP', isShadow: true } }] })
    const rule = made.changes[0]?.targetId
    const stale = await applyAfter({ setRateLimitRule: { scope: 'IP', maxRequests: 7 } }, () => edit({ deleteRateLimitRule: { id: rule } }))
    expect(placesOf(stale.userErrors)).toEqual(STALE)
    expect(stale.userErrors[0]?.message).toContain(`RateLimitRule ${rule}`)
  })

  it('as a dry run too, and not where another object has changed', async () => {
    const step = { setFeatureFlag: { key: 'mine', description: 'mine' } }
    const elsewhere = () => edit({ setFeatureFlag: { key: `other-${Math.random()}`.replace('.', '') } })
    expect((await applyAfter(step, elsewhere)).userErrors).toEqual([])
    const dry = await applyAfter(step, () => edit({ setFeatureFlag: { key: 'mine', description: 'yours' } }), { dryRun: true })
    expect(placesOf(dry.userErrors)).toEqual(STALE)
  })

  it('where the log does not reach back to the plan any more', async () => {
    await edit({ setFeatureFlag: { key: 'old', description: 'old' } })
    const step = { setFeatureFlag: { key: 'old', isEnabled: false } }
    const stale = await applyAfter(step, async () => {
      await edit({ setFeatureFlag: { key: 'old', description: 'new' } })
      await edit({ setFeatureFlag: { key: 'young' } })
      const { database } = server.services
      const clock = { ...systemClock, now: () => new Date('2099-01-01') }
      await new Retention({
        database,
        clock,
        log: pino({ level: 'silent' }),
        days: { changes: 1, auditEvents: 0 },
        auditKey: undefined,
      }).run()
    })
    expect(placesOf(stale.userErrors)).toEqual(STALE)
    expect(stale.userErrors[0]?.message).toContain('cannot be told any more')
  })
})

it('an operation that is nested without end is refused for that, also when it is applied as planned', async () => {
  const deep = JSON.parse(`${'['.repeat(500)}1${']'.repeat(500)}`)
  const steps = [{ setConfig: { key: 'deep', value: deep } }]
  const { plannedAtRevision } = await operate(server, { dryRun: true, steps: [{ setConfig: { key: 'deep', value: 1 } }] })
  const refusals = [await operate(server, { steps }), await operate(server, { steps, plannedAtRevision })]
  for (const { userErrors, revision } of refusals) {
    expect(userErrors.map(({ code }) => code)).toEqual(['INVALID'])
    expect(revision).toBe(null)
  }
})
