// Not a lesson: the load of make bench. Asks who it is, with the sessions in LOAD_COOKIES in turn, at a fixed rate
// (LOAD_RATE) or without one as often as LOAD_AT_ONCE users get answers, and leaves what it saw in LOAD_REPORT.
import http from 'k6/http'
import { Counter } from 'k6/metrics'

const { BASE_URL: baseUrl, LOAD_REPORT: file = 'report/bench-load.json' } = __ENV
const cookies = (__ENV.LOAD_COOKIES ?? '').split(' ').filter((cookie) => cookie !== '')
const duration = `${__ENV.LOAD_SECONDS ?? 5}s`
const users = Number(__ENV.LOAD_AT_ONCE ?? 24)
const rate = Number(__ENV.LOAD_RATE || 0)

const answered = new Counter('answered')
const failed = new Counter('failed')

export const options = {
  scenarios: {
    load:
      rate > 0
        ? { executor: 'constant-arrival-rate', rate, duration, preAllocatedVUs: users, maxVUs: 4 * users }
        : { executor: 'constant-vus', vus: users, duration },
  },
  summaryTrendStats: ['p(50)', 'p(95)', 'p(99)'],
  discardResponseBodies: true,
}

export default function ask(): void {
  const cookie = cookies[(__VU + __ITER) % Math.max(1, cookies.length)]
  // A jar that is thrown away: one that is kept would send what the rival sets with every answer, beside this.
  const jar = new http.CookieJar()
  const { status } = http.get(`${baseUrl}/api/user`, { jar, headers: cookie === undefined ? {} : { Cookie: cookie } })
  if (status === 200) answered.add(1)
  else failed.add(1)
}

interface Summary {
  metrics: Record<string, { values: Record<string, number | undefined> } | undefined>
  state: { testRunDurationMs: number }
}

export function handleSummary({ metrics, state }: Summary): Record<string, string> {
  const latency = metrics.http_req_duration?.values ?? {}
  const saw = {
    answered: metrics.answered?.values.count ?? 0,
    failed: metrics.failed?.values.count ?? 0,
    seconds: state.testRunDurationMs / 1000,
    latencyMs: { p50: latency['p(50)'], p95: latency['p(95)'], p99: latency['p(99)'] },
  }
  return { [file]: JSON.stringify(saw) }
}
