import { networkOf } from './network-of.ts'

/** RFC 7239, 6.2. nginx passes this word on in X-Forwarded-For where it cannot tell: nginx/parts/client-address.conf. */
const UNKNOWN = 'unknown'

/**
 * Whether an address stands for many clients, so that failures of one of them must not count against all. That is an address
 * that the proxy in front cannot tell, and the loopback address: every program of this machine has it, and so has every
 * client of a proxy on it that is not named by TRUST_PROXY_HOPS.
 */
export function isSharedAddress(address: string): boolean {
  const isLoopback = address === '::1' || networkOf(address).startsWith('127.')
  return isLoopback || address === UNKNOWN || address === ''
}
