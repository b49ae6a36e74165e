export interface Address {
  host: string
  port: number
}

/** Parses `host:port,host:port`. Undefined if it is no such list. */
export function readAddresses(list: string): Address[] | undefined {
  const addresses = list.split(',').map((part) => readAddress(part.trim()))
  const read = addresses.filter((address) => address !== undefined)
  return read.length === addresses.length ? read : undefined
}

function readAddress(text: string): Address | undefined {
  const [, ipv6, name, digits] = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  const host = ipv6 ?? name
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port }
}

type Variables = Readonly<Record<string, string | undefined>>

const KINDS = ['REDIS_URL', 'REDIS_SENTINELS', 'REDIS_CLUSTER'] as const

/** Returns what is wrong with the variables for Redis together, beginning with the name of one, or undefined. */
export function faultOfServers(given: Variables): string | undefined {
  const kinds = KINDS.filter((name) => given[name] !== undefined)
  const [kind = 'REDIS_URL', second] = kinds
  if (second !== undefined) return `${second}: is set together with ${kind}. Set one of ${KINDS.join(', ')}`
  const fault = KINDS_FAULTS[kind](given)
  if (fault !== undefined) return fault
  for (const name of ['REDIS_PASSWORD', 'REDIS_SENTINEL_PASSWORD'])
    if (given[name] !== undefined && given[`${name}_FILE`] !== undefined)
      return `${name}: is set together with ${name}_FILE. Set one of them`
  return undefined
}

const KINDS_FAULTS = {
  REDIS_URL: (given: Variables) =>
    faultOfSentinelVariables(given) ??
    (given.REDIS_TLS === 'on' && !isTlsUrl(given)
      ? 'REDIS_TLS: is for sentinels and clusters. Write rediss:// in REDIS_URL'
      : undefined) ??
    (given.REDIS_CA_FILE !== undefined && !isTlsUrl(given)
      ? 'REDIS_CA_FILE: needs TLS. Write rediss:// in REDIS_URL'
      : undefined),
  REDIS_SENTINELS: (given: Variables) =>
    given.REDIS_PRIMARY === undefined
      ? 'REDIS_PRIMARY: is missing. Set it to the name under which the sentinels know the primary'
      : faultOfCa(given),
  REDIS_CLUSTER: (given: Variables) =>
    faultOfSentinelVariables(given) ??
    faultOfCa(given) ??
    // A key can move to another primary, which reports no change of it to a node that has read it from the first.
    (given.SESSION_CACHE === 'on'
      ? 'SESSION_CACHE: on needs a single primary, and REDIS_CLUSTER has several. A key that moves to another primary leaves its old value in the caches. Set SESSION_CACHE=off'
      : undefined),
}

const SENTINEL_VARIABLES = [
  'REDIS_PRIMARY',
  'REDIS_SENTINEL_USERNAME',
  'REDIS_SENTINEL_PASSWORD',
  'REDIS_SENTINEL_PASSWORD_FILE',
]

function faultOfSentinelVariables(given: Variables): string | undefined {
  const name = SENTINEL_VARIABLES.find((variable) => given[variable] !== undefined)
  return name && `${name}: has an effect only with REDIS_SENTINELS`
}

const faultOfCa = (given: Variables) =>
  given.REDIS_CA_FILE !== undefined && given.REDIS_TLS !== 'on'
    ? 'REDIS_CA_FILE: needs TLS. Set REDIS_TLS=on'
    : undefined

const isTlsUrl = ({ REDIS_URL = '' }: Variables) => REDIS_URL.startsWith('rediss://')
