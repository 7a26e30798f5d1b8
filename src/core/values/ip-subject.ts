import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Words of 16 bits that name a network: one subscriber has at least a /64 (RFC 6177), so its addresses are one subject. */
const NETWORK_WORDS = 4

/**
 * The subject that an IP address is counted as: an IPv4 address as it is, IPv4 in IPv6 as IPv4, any other IPv6 address as its
 * /64, such as `2001:db8:0:1::/64` (written as RFC 5952 has it). Such a /64 is its own subject. Undefined for anything else.
 */
export function ipSubject(text: string): string | undefined {
  if (isIPv4(text)) return text
  const address = text.endsWith('/64') ? text.slice(0, -'/64'.length) : text
  if (!isIPv6(address) || address.includes('%')) return undefined
  const parsed = ipaddr.IPv6.parse(address)
  if (parsed.isIPv4MappedAddress()) return address === text ? parsed.toIPv4Address().toString() : undefined
  const network = parsed.parts.map((word, index) => (index < NETWORK_WORDS ? word : 0))
  return `${new ipaddr.IPv6(network).toString()}/64`
}
