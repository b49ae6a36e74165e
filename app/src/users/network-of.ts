import { isIPv6 } from 'node:net'

/**
 * Whose address this is, as far as that can be told: an IPv4 address by itself; of IPv6 the /64, because one subscriber
 * has at least that many (RFC 6177). An IPv4 address that is written as IPv6 is taken for what it is.
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  // The URL parser writes every address the one way: lower case, and at most one run of zeros left out.
  const { hostname } = new URL(`http://[${address.split('%', 1)[0]}]`)
  const [head = '', tail = ''] = hostname.slice(1, -1).split('::')
  const left = head.split(':').filter(Boolean)
  const right = tail.split(':').filter(Boolean)
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right]
  if (groups.slice(0, 6).join(':') === '0:0:0:0:0:ffff') {
    return groups
      .slice(6)
      .map((group) => Number.parseInt(group, 16))
      .flatMap((pair) => [pair >> 8, pair & 255])
      .join('.')
  }
  return `${groups.slice(0, 4).join(':')}::/64`
}
