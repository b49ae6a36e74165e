/** Where the balancer is. */
const baseUrl = __ENV.BASE_URL ?? 'http://localhost:8080'

/**
 * What the scripts can be told from outside, with k6's -e. None is called K6_VUS, K6_DURATION or the like: k6 reads those
 * itself and would drop our scenarios for them.
 */
export const settings = {
  baseUrl,
  /** Over TLS the cookie has another name, which a browser takes over TLS alone. */
  cookieName: baseUrl.startsWith('https:') ? '__Host-sid' : 'sid',
  /** The nodes that must take part. A threshold is made for each pair of them, so they must be known before the run. */
  nodes: (__ENV.NODE_NAMES ?? 'app-1,app-2,app-3').split(','),
  /** How often each (created on, served by) pair must be seen. */
  minPerCell: wholeNumber('MIN_PER_CELL', 5),
  loadSeconds: wholeNumber('LOAD_SECONDS', 20),
  requestsPerSecond: wholeNumber('LOAD_RATE', 50),
  p95Ms: wholeNumber('LOAD_P95_MS', 250),
  reportFolder: __ENV.REPORT_FOLDER ?? 'report',
}

/** For every script's options. The certificate of `make up TLS=1` is signed by nobody that k6 could know. */
export const connection = { insecureSkipTLSVerify: true }

export const accounts = [
  { username: 'ada', password: 'analytical-engine' },
  { username: 'grace', password: 'nanosecond' },
  { username: 'alan', password: 'universal-machine' },
] as const

function wholeNumber(name: string, standard: number): number {
  const value = Number(__ENV[name] ?? standard)
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name} must be a whole number above 0`)
  return value
}
