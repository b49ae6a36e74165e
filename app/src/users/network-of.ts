import { isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'

/**
 * The network of a client, as far as its address shows it: an IPv4 address by itself, and of IPv6 the /64, because one
 * subscriber has at least that many addresses (RFC 6177). An IPv4 address that is written as IPv6 counts as IPv4.
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  const [withoutZone = ''] = address.split('%')
  const parsed = ipaddr.process(withoutZone)
  if (parsed instanceof ipaddr.IPv4) return parsed.toString()
  const groups = parsed.parts.map((part) => part.toString(16))
  return `${groups.slice(0, 4).join(':')}::/64`
}

/** RFC 7239, 6.2. nginx puts this word into X-Forwarded-For for an unknown address: nginx/parts/client-address.conf. */
const UNKNOWN = 'unknown'

/**
 * Whether an address stands for many clients, so that failures of one of them must not count against all. That is an address
 * that the proxy does not know, and the loopback address. Each program of this machine has the loopback address, and so has
 * each client of a proxy on it that TRUST_PROXY_HOPS does not count.
 */
export function isSharedAddress(address: string): boolean {
  const isLoopback = address === '::1' || networkOf(address).startsWith('127.')
  return isLoopback || address === UNKNOWN || address === ''
}
