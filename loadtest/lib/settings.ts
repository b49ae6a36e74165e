import { givenApp } from './app.ts'
import type { Account } from './app-speech.ts'

/**
 * The settings of the scripts, passed with k6's -e. None is called K6_VUS, K6_DURATION or similar, because k6 reads those
 * itself and would ignore our scenarios.
 */
export const settings = {
  /** The address of nginx or another balancer. */
  baseUrl: __ENV.BASE_URL ?? givenApp?.url.replace(/\/$/, '') ?? 'http://localhost:8080',
  /** The nodes that must take part. Each pair has a threshold, so they must be known before the run. */
  nodes: givenApp?.nodes ?? [
    ...new Set((__ENV.NODE_NAMES ?? 'app-1,app-2,app-3').split(',').filter((name) => name !== '')),
  ],
  /** The required number of requests for each (created on, served by) pair. */
  minPerCell: wholeNumber('MIN_PER_CELL', 5),
  loadSeconds: wholeNumber('LOAD_SECONDS', 20),
  requestsPerSecond: wholeNumber('LOAD_RATE', 50),
  p95Ms: wholeNumber('LOAD_P95_MS', 250),
  reportFolder: __ENV.REPORT_FOLDER ?? 'report',
}

/**
 * For the options of every script. The certificate of `make up TLS=1` is self-signed. The user agent identifies the sessions
 * of k6, which the teardown ends: lib/own-sessions.ts.
 */
export const connection = { insecureSkipTLSVerify: true, userAgent: 'k6' }

const DEMO_ACCOUNTS: Account[] = [
  { username: 'ada', password: 'analytical-engine' },
  { username: 'grace', password: 'nanosecond' },
  { username: 'alan', password: 'universal-machine' },
]

/** The run's test accounts, which deploy/test-accounts creates for loadtest/run. Otherwise the demo accounts. */
export const accounts: Account[] =
  givenApp?.accounts ?? (__ENV.TEST_ACCOUNTS ? JSON.parse(__ENV.TEST_ACCOUNTS) : DEMO_ACCOUNTS)

function wholeNumber(name: string, standard: number): number {
  const value = Number(__ENV[name] || standard)
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name} must be a whole number above 0`)
  return value
}
