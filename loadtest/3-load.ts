// Lesson 3: under steady load nobody is refused, nothing fails, and answers stay quick.
//
// Each virtual user logs in once and then asks who it is, again and again, as somebody who clicks around does.
// Run it alone with: k6 run loadtest/3-load.ts
import { check } from 'k6'
import { report } from './lib/report.ts'
import { connection, settings } from './lib/settings.ts'
import { createVisitor, type Visitor } from './lib/visitor.ts'

const { requestsPerSecond, loadSeconds, p95Ms } = settings

// A fixed rate of arrivals: a stack that slows down is still asked as often, so slowness shows instead of hiding.
export const loadScenario = {
  executor: 'constant-arrival-rate',
  rate: requestsPerSecond,
  duration: `${loadSeconds}s`,
  preAllocatedVUs: 10,
  // Each logs in, to one of three accounts, and an account may have ten sessions (SESSION_MAX): more would end each other's.
  maxVUs: 18,
  exec: 'load',
} as const

export const loadThresholds = {
  'http_req_failed{scenario:load}': ['rate==0'],
  // The reads alone: a login costs a password hash by intention, and a short run has as many logins as users.
  'http_req_duration{scenario:load,name:user}': [`p(95)<${p95Ms}`],
  'checks{scenario:load}': ['rate==1'],
  // The others say nothing about a run in which nothing happened. This one does.
  'http_reqs{scenario:load}': [`count>=${Math.floor(0.9 * requestsPerSecond * loadSeconds)}`],
}

// Each virtual user has its own copy of this module, so this is one visitor for each. Its jar outlives the iteration.
let visitor: Visitor | undefined

export function load(): void {
  if (!visitor) {
    visitor = createVisitor(__VU)
    const login = visitor.logIn()
    if (!check(login, { 'login succeeds under load': ({ status }) => status === 200 })) {
      visitor = undefined
      return
    }
  }
  const { status, username } = visitor.whoAmI()
  const expected = visitor.username
  check(null, { 'session is honoured under load': () => status === 200 && username === expected })
}

export const options = { ...connection, scenarios: { load: loadScenario }, thresholds: loadThresholds }
export const handleSummary = report('3-load')
