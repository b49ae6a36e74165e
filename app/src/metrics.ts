import type { RequestHandler } from 'express'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** How often the delay of the event loop is measured. Shorter delays do not show. */
const EVENT_LOOP_MS = 100

// Written out: in a checkout whose packages are links, tsc cannot name the inferred type.
export interface Metrics {
  measureRequests: RequestHandler
  sessionsCreated: Counter
  requestsAnswered(): number
  contentType: string
  /** In the text format of Prometheus. */
  text(): Promise<string>
}

/** What Prometheus reads at /metrics. Each node has its own registry, so two nodes in one process do not mix. */
export function createMetrics({ node, eventStreams }: { node: string; eventStreams: () => number }): Metrics {
  const registry = new Registry()
  registry.setDefaultLabels({ node })
  let isProcessMeasured = false

  /** From the first request for metrics: a node that no monitoring reads does not wake up to measure itself. */
  function measureProcess(): void {
    if (isProcessMeasured) return
    isProcessMeasured = true
    // Measuring the delay of the event loop every 10 ms, the default, takes most of the time of a node that has nothing to do.
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_MS })
  }

  const seriesOf = createRequestSeries(registry)
  const sessionsCreated = new Counter({
    name: 'sessions_created_total',
    help: 'Sessions created on this node',
    registers: [registry],
  })
  new Gauge({
    name: 'event_streams',
    help: 'Open event streams of this node',
    registers: [registry],
    collect() {
      this.set(eventStreams())
    },
  })

  let answered = 0
  const measureRequests: RequestHandler = (req, res, next) => {
    const startedAt = performance.now()
    res.once('close', () => {
      answered++
      // A stream lasts as long as the page is open, which is not a response time.
      if (String(res.getHeader('Content-Type')).startsWith('text/event-stream')) return
      // The pattern of the route, not the path: the number of time series must not depend on the clients.
      const path: unknown = req.route?.path
      const route = typeof path === 'string' ? req.baseUrl + path : 'none'
      seriesOf(route, req.method, res.statusCode).observe((performance.now() - startedAt) / 1000)
    })
    next()
  }

  return {
    measureRequests,
    sessionsCreated,
    requestsAnswered: () => answered,
    contentType: registry.contentType,
    text() {
      measureProcess()
      return registry.metrics()
    },
  }
}

/** Registers the time to answer a request. Returns what finds its series. */
function createRequestSeries(registry: Registry) {
  const requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time to answer a request, by route, method and status',
    labelNames: ['route', 'method', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [registry],
  })
  /** The series of a route, method and status. Finding it by its labels would take longer than to observe. */
  const series = new Map<string, ReturnType<typeof requests.labels>>()
  return function seriesOf(route: string, method: string, status: number) {
    const key = `${status} ${method} ${route}`
    const known = series.get(key) ?? requests.labels({ route, method, status })
    series.set(key, known)
    return known
  }
}
