import type { IncomingMessage } from 'node:http'
import { isLoopback, normalAddress } from '../../core/values/loopback.js'

/**
 * The client's address behind `trustedProxies` proxies. Each proxy appends the address of its own peer to
 * X-Forwarded-For, so exactly that many entries from the right are believed, and nothing that stands left of them. An
 * entry that is no IP address ends the walk at the hop that reported it.
 */
export function clientAddress(request: IncomingMessage, trustedProxies: number): string {
  const peer = normalAddress(request.socket.remoteAddress ?? '') ?? ''
  if (trustedProxies === 0) return peer
  const header = request.headers['x-forwarded-for']
  const hops = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',')
  let address = peer
  for (let trusted = 0; trusted < trustedProxies; trusted += 1) {
    const reported = normalAddress(hops.pop() ?? '')
    if (reported === undefined) return address
    address = reported
  }
  return address
}

/** Headers that proxies add: with any of them it is not the peer that asks, but somebody behind it. */
const PROXY_HEADERS = ['forwarded', 'via', 'x-real-ip', 'cf-connecting-ip', 'true-client-ip'] as const

function isHandedOn({ headers }: IncomingMessage): boolean {
  if (PROXY_HEADERS.some((name) => headers[name] !== undefined)) return true
  return Object.keys(headers).some((name) => name.startsWith('x-forwarded-'))
}

/**
 * Whether a request comes from this machine itself: from a loopback address, not handed on by a proxy, and meant for a
 * loopback host (a page on the web whose name was rebound to 127.0.0.1 names its own host).
 */
export function isFromThisMachine(request: IncomingMessage): boolean {
  const { headers, socket } = request
  if (isHandedOn(request)) return false
  return isLoopback(socket.remoteAddress ?? '') && isLoopback((headers.host ?? '').replace(/:\d{1,5}$/, ''))
}
