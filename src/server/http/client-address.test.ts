import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { isLoopback } from '../../core/values/loopback.js'
import { clientAddress, isFromThisMachine } from './client-address.js'

function requestFrom(peer: string, headers: Record<string, string> = {}): IncomingMessage {
  const socket = new Socket()
  Object.defineProperty(socket, 'remoteAddress', { value: peer })
  return Object.assign(new IncomingMessage(socket), { headers })
}

const forwarded = (chain: string) => requestFrom('10.0.0.1', { 'x-forwarded-for': chain })

describe('the address of a client', () => {
  it('is the peer without trusted proxies, whatever the header says', () => {
    expect(clientAddress(forwarded('1.1.1.1'), 0)).toBe('10.0.0.1')
  })

  it.each([
    [1, '6.6.6.6, 2.2.2.2', '2.2.2.2'],
    [2, '6.6.6.6, 2.2.2.2', '6.6.6.6'],
    [2, '6.6.6.6,2.2.2.2,3.3.3.3', '2.2.2.2'],
    [3, '2.2.2.2', '2.2.2.2'],
    [1, '', '10.0.0.1'],
    [2, 'unknown, 2.2.2.2', '2.2.2.2'],
    [1, '<script>', '10.0.0.1'],
    [1, '[2001:db8::1]:443', '2001:db8::1'],
    [1, '192.0.2.7:51234', '192.0.2.7'],
    [1, '::ffff:192.0.2.7', '192.0.2.7'],
  ])('behind %i proxies with "%s" is %s', (proxies, chain, address) => {
    expect(clientAddress(forwarded(chain), proxies)).toBe(address)
  })

  it('is written the same for IPv4 and for IPv4 in IPv6', () => {
    expect(clientAddress(requestFrom('::ffff:127.0.0.1'), 0)).toBe('127.0.0.1')
  })
})

describe('this machine', () => {
  it.each(['127.0.0.1', '127.9.9.9', '::1', '[::1]', 'localhost', '::ffff:127.0.0.1'])('is %s', (host) => {
    expect(isLoopback(host)).toBe(true)
  })

  it.each(['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', 'localhost.example.com', '127.0.0.1.example.com', ''])('is not %s', (host) => {
    expect(isLoopback(host)).toBe(false)
  })

  it('is where a request comes from that no proxy handed on and that names no other host', () => {
    const host = 'localhost:4000'
    expect(isFromThisMachine(requestFrom('127.0.0.1', { host }))).toBe(true)
    expect(isFromThisMachine(requestFrom('::1', { host: '[::1]:4000' }))).toBe(true)
    expect(isFromThisMachine(requestFrom('127.0.0.1', { host, 'x-forwarded-for': '127.0.0.1' }))).toBe(false)
    expect(isFromThisMachine(requestFrom('127.0.0.1', { host: 'rebound.example.com:4000' }))).toBe(false)
    expect(isFromThisMachine(requestFrom('192.0.2.1', { host }))).toBe(false)
  })
})
