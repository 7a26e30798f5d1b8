import { isIP } from 'node:net'

/** Whether an address (or a name to listen on) can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  const address = normalAddress(host)
  return host.toLowerCase() === 'localhost' || address === '::1' || (address?.startsWith('127.') ?? false)
}

/** An IP address without brackets, port, zone and IPv4-in-IPv6 dress; undefined when it is none. */
export function normalAddress(text: string): string | undefined {
  let address = text.trim().toLowerCase()
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(address)
  if (bracketed) address = bracketed[1] ?? ''
  else if (/^[\d.]+:\d{1,5}$/.test(address)) address = address.slice(0, address.indexOf(':'))
  address = address.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/, '')
  return isIP(address) === 0 ? undefined : address
}
