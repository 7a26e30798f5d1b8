import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { silentLog } from '../../../../test/testkit/databases.js'
import { systemClock } from '../../platform/clock.js'
import { diskReserve } from './disk-reserve.js'

const EXBIBYTE = 2 ** 60

/** A reserve with a clock that the test moves, and the lines that it logs. */
function reserve(reserveBytes: number, path = tmpdir()) {
  let nowMs = 0
  const log: string[] = []
  const write = (_details: object, message: string) => void log.push(message)
  const check = diskReserve({
    path,
    reserveBytes,
    clock: { ...systemClock, monotonicMs: () => nowMs },
    log: { ...silentLog, error: write },
  })
  return { check, log, advance: (ms: number) => (nowMs += ms) }
}

describe('the disk reserve', () => {
  it('refuses writes when less is free, and says so once', async () => {
    const { check, log, advance } = reserve(EXBIBYTE)
    await expect(check()).rejects.toMatchObject({ code: 'UNAVAILABLE', status: 503, headers: new Map([['retry-after', '30']]) })
    advance(5000)
    await expect(check()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(log).toEqual(['the disk is nearly full: writes are refused'])
  })

  it('lets writes through while there is room', async () => {
    expect(await reserve(1).check()).toBe(undefined)
  })

  it('looks at the disk again after a second, not before', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'valhalla-test-'))
    const { check, advance } = reserve(1, folder)
    await check()
    rmSync(folder, { recursive: true })
    advance(999)
    expect(await check()).toBe(undefined)
    advance(1)
    await expect(check()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  it('does not look at all without a reserve', async () => {
    expect(await reserve(0, '/nowhere').check()).toBe(undefined)
  })

  it('tells nothing about paths or sizes', async () => {
    await expect(reserve(EXBIBYTE).check()).rejects.toThrow(/^The disk is nearly full: nothing can be changed until there is room\.$/)
  })
})
