// The load of make bench, not a lesson. Requests the user of each session in LOAD_COOKIES in turn. LOAD_RATE sets a fixed rate.
// Without it, LOAD_AT_ONCE users send requests as fast as they get responses. Writes the results to LOAD_REPORT.
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
  // A new jar each time. A shared one would also send the cookie that the rival sets in every response.
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
