// Lesson 3: under steady load nobody is refused, nothing fails, and answers stay quick.
//
// Each virtual user logs in once and then asks who it is, again and again, as somebody who clicks around does.
// Run it alone with: k6 run loadtest/3-load.ts
import { check } from 'k6'
import { Counter } from 'k6/metrics'
import { endOwnSessions } from './lib/own-sessions.ts'
import { report } from './lib/report.ts'
import { connection, settings } from './lib/settings.ts'
import { loadNeeded } from './lib/summary.ts'
import { createVisitor, type Visitor } from './lib/visitor.ts'

const { requestsPerSecond, loadSeconds, p95Ms } = settings
const honoured = new Counter('load_honoured')
const refused = new Counter('load_refused')

// A fixed rate of arrivals: a stack that slows down is still asked as often, so slowness shows instead of hiding.
export const loadScenario = {
  executor: 'constant-arrival-rate',
  rate: requestsPerSecond,
  duration: `${loadSeconds}s`,
  preAllocatedVUs: 10,
  // Each logs in. With the three demo accounts, of ten sessions each (SESSION_MAX), more would end each other's.
  maxVUs: 18,
  exec: 'load',
} as const

export const loadThresholds = {
  'http_req_failed{scenario:load}': ['rate==0'],
  // The reads alone: a login costs a password hash by intention, and a short run has as many logins as users.
  'http_req_duration{scenario:load,name:user}': [`p(95)<${p95Ms}`],
  'checks{scenario:load}': ['rate==1'],
  // The others say nothing about a run in which nothing happened. This one does.
  'http_reqs{scenario:load}': [`count>=${loadNeeded(settings)}`],
}

// Each virtual user has its own copy of this module, so this is one visitor for each. Its jar outlives the iteration.
let visitor: Visitor | undefined

export function load(): void {
  if (!visitor) {
    visitor = createVisitor(10 + __VU)
    const login = visitor.logIn()
    if (!check(login, { 'login succeeds under load': ({ status }) => status === 200 })) {
      visitor = undefined
      return
    }
  }
  const { status, username } = visitor.whoAmI()
  const expected = visitor.username
  const isHonoured = status === 200 && username === expected
  check(null, { 'session is honoured under load': () => isHonoured })
  if (isHonoured) honoured.add(1)
  else refused.add(1)
}

export const options = { ...connection, scenarios: { load: loadScenario }, thresholds: loadThresholds }
export const teardown = endOwnSessions
export const handleSummary = report({ name: '3-load', parts: ['load'], settings })
