import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { at, codeOf, MaintenanceBench } from '../../../test/testkit/maintenance-bench.js'

let bench: MaintenanceBench
beforeAll(async () => {
  bench = await MaintenanceBench.open()
})
afterEach(() => bench.reset())
afterAll(() => bench.close())

describe('maintenance windows', () => {
  const find = async (filter: string) => {
    const { maintenanceWindows } = await bench.admin(`{ maintenanceWindows(filter: { ${filter} }) { nodes { description } totalCount } }`)
    const { nodes, totalCount } = maintenanceWindows as unknown as { nodes: { description: string }[]; totalCount: number }
    expect(totalCount).toBe(nodes.length)
    return nodes.map(({ description }) => description).join('')
  }

  it('are created, and listed in the order in which they were scheduled', async () => {
    const ids = [await bench.schedule(60, 120), await bench.schedule(30, 40), await bench.schedule(90, 100)]
    const { maintenanceWindows } = await bench.admin(
      '{ maintenanceWindows(first: 2) { nodes { id status version isActive mode } pageInfo { hasNextPage endCursor } totalCount } }',
    )
    const page = maintenanceWindows as unknown as {
      nodes: { id: string }[]
      pageInfo: { hasNextPage: boolean; endCursor: string }
      totalCount: number
    }
    expect(page.nodes).toEqual(ids.slice(0, 2).map((id) => ({ id, status: 'SCHEDULED', version: 1, isActive: true, mode: 'MAINTENANCE' })))
    expect([page.pageInfo.hasNextPage, page.totalCount]).toEqual([true, 3])
    const rest = await bench.admin(`{ maintenanceWindows(after: "${page.pageInfo.endCursor}") { nodes { id } } }`)
    expect(rest).toEqual({ maintenanceWindows: { nodes: [{ id: ids[2] }] } })
    expect(await bench.admin(`{ maintenanceWindow(id: "${ids[1]}") { startsAt endsAt } }`)).toEqual({
      maintenanceWindow: { startsAt: at(30), endsAt: at(40) },
    })
    expect(await bench.admin('{ maintenanceWindow(id: "nobody") { id } }')).toEqual({ maintenanceWindow: null })
  })

  it.each([
    ['', 'abcd'],
    ['status: SCHEDULED', 'c'],
    ['status: ONGOING', 'b'],
    ['status: COMPLETED', 'a'],
    ['status: CANCELLED', 'd'],
    ['isActive: true', 'abc'],
    ['isActive: false', 'd'],
    ['isActive: null, status: null', 'abcd'],
    [`startsAfter: "${at(20)}"`, 'c'],
    [`startsAfter: "${at(19)}"`, 'bc'],
    [`endsBefore: "${at(40)}"`, 'ad'],
    [`endsBefore: "${at(41)}", isActive: true`, 'ab'],
  ])('are found by { %s }', async (filter, found) => {
    // A window that is ongoing stands in the way of others: all are made before the first one begins.
    bench.clock.seconds = -60
    await bench.schedule(0, 10, 'description: "a", mode: READ_ONLY')
    await bench.schedule(20, 40, 'description: "b", mode: READ_ONLY')
    await bench.schedule(50, 60, 'description: "c", mode: READ_ONLY')
    const cancelled = await bench.schedule(10, 30, 'description: "d"')
    await bench.admin(`mutation { cancelMaintenanceWindow(input: { id: "${cancelled}" }) { revision } }`)
    bench.clock.seconds = 20
    expect(await find(filter)).toBe(found)
  })

  it('whose end is not after their start are refused, and nothing is stored', async () => {
    const before = bench.ledger.snapshot.revision
    const input = `startsAt: "${at(60)}", endsAt: "${at(60)}", mode: NORMAL`
    const { scheduleMaintenanceWindow } = await bench.admin(
      `mutation { scheduleMaintenanceWindow(input: { ${input} }) { maintenanceWindow { id } revision userErrors { code field message } } }`,
    )
    expect(scheduleMaintenanceWindow).toEqual({
      maintenanceWindow: null,
      revision: null,
      userErrors: [
        { code: 'INVALID', field: ['mode'], message: 'A window brings READ_ONLY or MAINTENANCE; one of NORMAL would do nothing.' },
        { code: 'INVALID', field: ['endsAt'], message: 'A window must end after it starts.' },
      ],
    })
    expect(bench.ledger.snapshot.revision).toBe(before)
  })

  it('are scheduled once for an idempotency key, and another input under it is refused', async () => {
    const before = bench.ledger.snapshot.revision
    const first = await bench.schedule(60, 120, 'idempotencyKey: "k1"')
    expect(await bench.schedule(60, 120, 'idempotencyKey: "k1"')).toBe(first)
    expect(bench.ledger.snapshot.revision).toBe(before + 1)
    const other = `mutation { scheduleMaintenanceWindow(input: { startsAt: "${at(60)}", endsAt: "${at(121)}", idempotencyKey: "k1" }) { revision } }`
    expect(codeOf(await bench.as('ADMIN', other))).toBe('IDEMPOTENCY_KEY_REUSED')
  })

  it('are cancelled once, and not by a stale version', async () => {
    const id = await bench.schedule(0, 60)
    const cancel = (more = '') =>
      bench.admin(
        `mutation { cancelMaintenanceWindow(input: { id: "${id}" ${more} }) { maintenanceWindow { status version } userErrors { code field } } }`,
      )
    const refusedWith = (code: string, field: string) => ({
      cancelMaintenanceWindow: { maintenanceWindow: null, userErrors: [{ code, field: [field] }] },
    })
    expect(await cancel('expectedVersion: 7')).toEqual(refusedWith('STALE_VERSION', 'expectedVersion'))
    expect(await cancel('expectedVersion: 1')).toEqual({
      cancelMaintenanceWindow: { maintenanceWindow: { status: 'CANCELLED', version: 2 }, userErrors: [] },
    })
    expect(await cancel()).toEqual(refusedWith('INVALID_STATE', 'id'))
    const { maintenanceWindow } = await bench.admin(`{ maintenanceWindow(id: "${id}") { isActive lastChange { operation } } }`)
    expect(maintenanceWindow).toEqual({ isActive: false, lastChange: { operation: 'cancelMaintenanceWindow' } })
  })
})
