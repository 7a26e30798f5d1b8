import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Addresses that are unicast by their number, but by which clouds hand secrets to their machines (Azure's WireServer). */
const METADATA_ADDRESSES: ReadonlySet<string> = new Set(['168.63.129.16'])

/** All that IANA gives out of IPv6 so far (RFC 4291, 2.4); elsewhere there are old ways to write IPv4, such as `::7f00:1`. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')

/**
 * Whether an IP address belongs to an ordinary host on the internet: not loopback, private, link-local, shared, multicast,
 * documentation, reserved or anything else of IANA's special-purpose registries (RFC 6890), and not an IPv6 address that
 * stands for an IPv4 one (NAT64, 6to4, Teredo). IPv4 in IPv6 dress is looked at as IPv4. False for what is no address.
 */
export function isOrdinaryAddress(address: string): boolean {
  if (isIP(address) === 0 || address.includes('%')) return false
  const parsed = ipaddr.process(address)
  if (parsed.range() !== 'unicast' || METADATA_ADDRESSES.has(parsed.toString())) return false
  return parsed instanceof ipaddr.IPv4 || parsed.match(GLOBAL_UNICAST)
}

/** Whether two IP addresses are the same, however they are written. */
export function isSameAddress(a: string, b: string): boolean {
  if (isIP(a) === 0 || isIP(b) === 0) return false
  return ipaddr.process(a).toNormalizedString() === ipaddr.process(b).toNormalizedString()
}

/** The IP address that a URL's host is, without brackets; undefined when it is a name. */
export function literalOf(hostname: string): string | undefined {
  const address = hostname.replace(/^\[(.*)\]$/, '$1')
  return isIP(address) === 0 ? undefined : address
}
