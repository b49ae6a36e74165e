// Lesson 3: under steady load no session is rejected, no request fails, and response times stay short.
//
// Each virtual user logs in once and then repeatedly requests its user, like a user who clicks around.
// Run it alone with: k6 run loadtest/3-load.ts
import { check } from 'k6'
import { Counter } from 'k6/metrics'
import { isHonoured } from './lib/judge.ts'
import { endOwnSessions } from './lib/own-sessions.ts'
import { report } from './lib/report.ts'
import { connection, settings } from './lib/settings.ts'
import { loadNeeded } from './lib/summary.ts'
import { createVisitor, type Visitor } from './lib/visitor.ts'

const { requestsPerSecond, loadSeconds, p95Ms } = settings
const honoured = new Counter('load_honoured')
const rejected = new Counter('load_rejected')

// A fixed arrival rate: a slower stack still gets as many requests, so its slowness shows.
export const loadScenario = {
  executor: 'constant-arrival-rate',
  rate: requestsPerSecond,
  duration: `${loadSeconds}s`,
  preAllocatedVUs: 10,
  // Each user logs in. The three demo accounts may have ten sessions each (SESSION_MAX); more would evict each other.
  maxVUs: 18,
  exec: 'load',
} as const

export const loadThresholds = {
  'http_req_failed{scenario:load}': ['rate==0'],
  // Only the reads: a login is slow on purpose (password hash), and a short run has many logins.
  'http_req_duration{scenario:load,name:user}': [`p(95)<${p95Ms}`],
  'checks{scenario:load}': ['rate==1'],
  // The thresholds above pass when no request was sent. This one fails.
  'http_reqs{scenario:load}': [`count>=${loadNeeded(settings)}`],
}

// Each virtual user has its own copy of this module, and so its own visitor. The visitor's jar outlives the iteration.
let visitor: Visitor | undefined

export function load(): void {
  if (!visitor) {
    visitor = createVisitor(10 + __VU)
    const login = visitor.logIn()
    if (!check(login, { 'login succeeds under load': ({ ok }) => ok })) {
      visitor = undefined
      return
    }
  }
  const counter = isHonoured(visitor.whoAmI(), visitor) ? honoured : rejected
  check(null, { 'every request accepts the session under load': () => counter === honoured })
  counter.add(1)
}

export const options = { ...connection, scenarios: { load: loadScenario }, thresholds: loadThresholds }
export const teardown = endOwnSessions
export const handleSummary = report({ name: '3-load', parts: ['load'], settings })
