import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, it } from 'vitest'
import type { CheckContext } from './check-context.js'
import { shakeHands } from './socket-probe.js'

it('a handshake that is given up before it has an answer fails as its check, and nothing else does', async () => {
  const mute = createServer().listen(0, '127.0.0.1')
  await once(mute, 'listening')
  const connected = once(mute, 'connection')
  const destination = { origin: `http://127.0.0.1:${(mute.address() as AddressInfo).port}`, prefix: '' }
  const limit = new AbortController()
  const unheard: unknown[] = []
  const hear = (error: unknown) => unheard.push(error)
  process.on('uncaughtException', hear)
  try {
    const shaking = shakeHands({ destination, key: 'a key', signal: limit.signal } as unknown as CheckContext)
    await connected
    limit.abort(new Error('the time is up'))
    await expect(shaking).rejects.toThrow('the time is up')
    await turn()
    expect(unheard).toEqual([])
  } finally {
    process.off('uncaughtException', hear)
    mute.close()
  }
})
