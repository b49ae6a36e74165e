// Lesson 4: a fault behind nginx loses no session.
//
// Logs in before the first fault and then requests its user at a fixed rate, while `make chaos` causes one fault after the
// other. It counts errors without judging them, because each fault tolerates others. A rejection is a lost session, and so
// is another user's data.
// Run it alone with: k6 run loadtest/4-faults.ts
import { fail, sleep } from 'k6'
import { Counter } from 'k6/metrics'
import { judge } from './lib/judge.ts'
import { endOwnSessions } from './lib/own-sessions.ts'
import { accounts, connection, settings } from './lib/settings.ts'
import { browserWith, createVisitor, type Visitor } from './lib/visitor.ts'

const { requestsPerSecond, loadSeconds, reportFolder, nodes, minPerCell } = settings
/** At most two sessions per account: the recorder of `make chaos` has some too, and the limit is ten (SESSION_MAX). */
const SESSIONS = Math.min(20, 2 * accounts.length)
/** A killed Redis may lose its last second of writes, so the sessions must be older when the fault starts. */
const SETTLE_SECONDS = 1.5
const STATUSES = [0, 200, 401, 429, 500, 502, 503, 504]

/** k6 has it, but its types do not. */
declare const console: { log(text: string): void }

const lost = new Counter('session_lost')
const answered = new Map(STATUSES.map((status) => [status, new Counter(`answered_${status}`)]))

export const options = {
  ...connection,
  scenarios: {
    faults: {
      executor: 'constant-arrival-rate',
      rate: requestsPerSecond,
      duration: `${loadSeconds}s`,
      // One visitor per session: two with the same session would get different cookies when its token is replaced.
      preAllocatedVUs: SESSIONS,
      maxVUs: SESSIONS,
    },
  },
  thresholds: {
    session_lost: ['count<1'],
    // A run without requests also has no rejection. It would prove nothing.
    answered_200: ['count>0'],
  },
}

interface LoggedIn {
  cookie: string
  username: string
}

export function setup(): LoggedIn[] {
  const sessions = Array.from({ length: SESSIONS }, (_, number) => {
    const visitor = createVisitor(number)
    if (visitor.logIn().status !== 200) fail('Every login failed, so no session can be lost.')
    return { cookie: visitor.cookie(), username: visitor.username }
  })
  sleep(SETTLE_SECONDS)
  console.log('k6 is ready')
  return sessions
}

// Each virtual user has its own copy of this module, and so its own visitor.
let browser: Pick<Visitor, 'whoAmI'> | undefined

export default function askWhoThisIs(sessions: LoggedIn[]): void {
  const session = sessions[__VU % sessions.length]
  if (!session) return
  browser ??= browserWith(session.cookie)
  const { status, username } = browser.whoAmI()
  answered.get(status)?.add(1)
  if (status === 401 || (status === 200 && username !== session.username)) lost.add(1)
}

export const teardown = endOwnSessions

interface Summary {
  metrics: Record<string, { values: Record<string, number | undefined> } | undefined>
}

export function handleSummary({ metrics }: Summary): Record<string, string> {
  const count = (name: string) => metrics[name]?.values.count ?? 0
  const answers = Object.fromEntries(
    STATUSES.map((status) => [status, count(`answered_${status}`)]).filter(([, times]) => times !== 0),
  )
  const slowestMs = metrics.http_req_duration?.values.max ?? 0
  const faults = { honoured: count('answered_200'), lost: count('session_lost') }
  const reasons = judge({ nodes, minPerCell, checks: [], faults })
  const result = { proved: reasons.length === 0, reasons, answers, slowestMs, lost: faults.lost }
  return {
    stdout: `\n${Object.entries(answers)
      .map(([status, times]) => `${status}: ${times}`)
      .join(', ')}; ${faults.lost} lost\n`,
    [`${reportFolder}/4-faults.json`]: `${JSON.stringify(result, null, 2)}\n`,
  }
}
