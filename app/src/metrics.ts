import type { RequestHandler } from 'express'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export type Metrics = ReturnType<typeof createMetrics>

/** What Prometheus reads at /metrics. Each node has its own registry, so two nodes in one process do not mix. */
export function createMetrics({ node, eventStreams }: { node: string; eventStreams: () => number }) {
  const registry = new Registry()
  registry.setDefaultLabels({ node })
  collectDefaultMetrics({ register: registry })

  const requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time to answer a request, by route, method and status',
    labelNames: ['route', 'method', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers: [registry],
  })
  const sessionsCreated = new Counter({
    name: 'sessions_created_total',
    help: 'Sessions started on this node',
    registers: [registry],
  })

  new Gauge({
    name: 'event_streams',
    help: 'Pages that are being told what happens',
    registers: [registry],
    collect() {
      this.set(eventStreams())
    },
  })

  let answered = 0
  const measureRequests: RequestHandler = (req, res, next) => {
    const end = requests.startTimer()
    res.once('close', () => {
      answered++
      // A stream lasts as long as the page is open. That is no time to answer.
      if (res.get('Content-Type')?.startsWith('text/event-stream')) return
      // The route's pattern, never the path: a path has as many values as clients can think of.
      const route: unknown = req.route?.path
      end({
        route: typeof route === 'string' ? req.baseUrl + route : 'none',
        method: req.method,
        status: res.statusCode,
      })
    })
    next()
  }

  return {
    measureRequests,
    sessionsCreated,
    requestsAnswered: () => answered,
    contentType: registry.contentType,
    text: () => registry.metrics(),
  }
}
