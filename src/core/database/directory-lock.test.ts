import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type DirectoryLock, type LockOptions, lockDirectory } from './directory-lock.js'
import { ownIdentity, type ProcessIdentity } from './embedded/process-identity.js'
import { DatabaseOpenError } from './open-error.js'

let folder: string
const held: DirectoryLock[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'valhalla-lock-'))
})
afterEach(() => {
  for (const lock of held.splice(0)) lock.release()
  rmSync(folder, { recursive: true, force: true })
})

async function lock(options: Partial<LockOptions> = {}): Promise<DirectoryLock> {
  const taken = await lockDirectory(folder, { subject: 'data directory X', onLost: () => undefined, ...options })
  held.push(taken)
  return taken
}

/** Leaves the lock of a process that never gave it back. */
function leave(holder: Partial<ProcessIdentity>): void {
  writeFileSync(join(folder, '7.lock'), JSON.stringify({ holder: { ...ownIdentity(), ...holder } }))
}

/** A pid that was in use a moment ago. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '0'])
  await once(child, 'exit')
  return child.pid ?? 0
}

const inUse = (pid: number, host = ownIdentity().host) =>
  new DatabaseOpenError('IN_USE', `data directory X is in use by process ${pid} on ${host}`)

describe('the lock of a directory', () => {
  it('is refused while it is held, with the holder’s name', async () => {
    await lock()
    await expect(lock()).rejects.toThrow(inUse(process.pid))
  })

  it('is free again once it was given back, and leaves one small file behind', async () => {
    const first = await lock()
    first.release()
    expect(readdirSync(folder)).toEqual(['1.lock'])
    expect((await lock()).isHeld()).toBe(true)
    expect(first.isHeld()).toBe(false)
  })

  it('is not given back by one who has lost it', async () => {
    const loser = await lock()
    writeFileSync(join(folder, '2.lock'), JSON.stringify({ holder: ownIdentity() }))
    loser.release()
    await expect(lock()).rejects.toThrow(inUse(process.pid))
  })

  it('goes to exactly one of many who want it at the same time, also from a dead holder', async () => {
    leave({ pid: await deadPid() })
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => lock()))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  it('tells its holder when somebody else has taken it', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    try {
      const onLost = vi.fn()
      await lock({ onLost })
      vi.advanceTimersByTime(10_000)
      expect(onLost).not.toHaveBeenCalled()
      writeFileSync(join(folder, '2.lock'), JSON.stringify({ holder: ownIdentity() }))
      vi.advanceTimersByTime(10_000)
      expect(onLost).toHaveBeenCalledOnce()
    } finally {
      vi.useRealTimers()
    }
  })

  it('survives a file that a power cut has damaged', async () => {
    writeFileSync(join(folder, '3.lock'), '')
    expect((await lock()).isHeld()).toBe(true)
  })
})

describe.runIf(process.platform === 'linux')('a holder', () => {
  it('that is dead is replaced', async () => {
    leave({ pid: await deadPid() })
    expect((await lock()).isHeld()).toBe(true)
  })

  it('whose pid now belongs to a younger process is replaced: a container restarted after a kill', async () => {
    leave({ pid: process.pid, startedAt: '1' })
    expect((await lock()).isHeld()).toBe(true)
  })

  it('that is stopped is not robbed, however long its file is left untouched', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)'])
    await once(child, 'spawn')
    const pid = child.pid ?? 0
    const startedAt = readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[21] ?? ''
    leave({ pid, startedAt })
    utimesSync(join(folder, '7.lock'), 0, 0)
    child.kill('SIGSTOP')
    await expect(lock({ silenceMs: 0 })).rejects.toThrow(inUse(pid))
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect((await lock()).isHeld()).toBe(true)
  })

  it('from before a reboot of this machine is replaced', async () => {
    const identity = { ...ownIdentity(), machine: 'm' }
    leave({ ...identity, boot: 'another boot' })
    expect((await lock({ identity })).isHeld()).toBe(true)
  })

  it('in another container is not robbed while it lives, and replaced when it is dead', async () => {
    leave({ pidSpace: 'pid:[1]', host: 'other', pid: 1 })
    const server = createServer().listen(join(folder, '7.sock'))
    await once(server, 'listening')
    await expect(lock({ silenceMs: 0 })).rejects.toThrow(inUse(1, 'other'))
    const script = `require('node:net').createServer().listen(${JSON.stringify(join(folder, '7.sock'))}, () => process.kill(process.pid, 'SIGKILL'))`
    server.close()
    await once(server, 'close')
    await once(spawn(process.execPath, ['-e', script]), 'exit')
    expect(readdirSync(folder).sort()).toEqual(['7.lock', '7.sock'])
    expect((await lock()).isHeld()).toBe(true)
  })

  it('on another machine is not robbed while its beat goes on, and replaced when it has fallen silent', async () => {
    leave({ boot: 'another boot', machine: 'another machine', host: 'far', pid: 5 })
    let beat = 0
    const timer = setInterval(() => {
      beat += 1
      utimesSync(join(folder, '7.lock'), beat, beat)
    }, 50)
    await expect(lock({ silenceMs: 1000 })).rejects.toThrow(inUse(5, 'far'))
    clearInterval(timer)
    expect((await lock({ silenceMs: 300 })).isHeld()).toBe(true)
  })
})
