/**
 * What the scripts can be told from outside, with k6's -e. None is called K6_VUS, K6_DURATION or the like: k6 reads those
 * itself and would drop our scenarios for them.
 */
export const settings = {
  /** Where the balancer is. */
  baseUrl: __ENV.BASE_URL ?? 'http://localhost:8080',
  /** The nodes that must take part. A threshold is made for each pair of them, so they must be known before the run. */
  nodes: [...new Set((__ENV.NODE_NAMES ?? 'app-1,app-2,app-3').split(',').filter((name) => name !== ''))],
  /** How often each (created on, served by) pair must be seen. */
  minPerCell: wholeNumber('MIN_PER_CELL', 5),
  loadSeconds: wholeNumber('LOAD_SECONDS', 20),
  requestsPerSecond: wholeNumber('LOAD_RATE', 50),
  p95Ms: wholeNumber('LOAD_P95_MS', 250),
  reportFolder: __ENV.REPORT_FOLDER ?? 'report',
}

/**
 * For every script's options. The certificate of `make up TLS=1` is signed by nobody that k6 could know. By the user agent a
 * script finds its own sessions again, to end them: lib/own-sessions.ts.
 */
export const connection = { insecureSkipTLSVerify: true, userAgent: 'k6' }

interface Account {
  username: string
  password: string
}

const DEMO_ACCOUNTS: Account[] = [
  { username: 'ada', password: 'analytical-engine' },
  { username: 'grace', password: 'nanosecond' },
  { username: 'alan', password: 'universal-machine' },
]

/** Accounts of the run's own, as deploy/test-accounts makes them for loadtest/run; otherwise the demo accounts. */
export const accounts: Account[] = __ENV.TEST_ACCOUNTS ? JSON.parse(__ENV.TEST_ACCOUNTS) : DEMO_ACCOUNTS

function wholeNumber(name: string, standard: number): number {
  const value = Number(__ENV[name] || standard)
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name} must be a whole number above 0`)
  return value
}
