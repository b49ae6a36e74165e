import { Router } from 'express'
import type { Metrics } from '../metrics.ts'
import { allowOnly, Problem } from '../middleware/problem.ts'

interface Parts {
  /** Why the node cannot serve, or undefined if it can. */
  whyNotReady: () => Promise<string | undefined>
  /** Problems that do not stop the node from serving. */
  warnings: () => readonly string[]
  metrics: Metrics
}

/** Probes, for whoever runs the nodes. The balancer does not let them through. */
export function healthRoutes({ whyNotReady, warnings, metrics }: Parts): Router {
  const router = Router({ strict: true, caseSensitive: true })

  // Says nothing of Redis: restarting a node does not mend Redis, and a probe that thinks so takes all nodes down.
  router
    .route('/livez')
    .get((_req, res) => {
      res.set('Cache-Control', 'no-store').json({ status: 'alive' })
    })
    .all(allowOnly('GET'))

  router
    .route('/readyz')
    .get(async (_req, res) => {
      const reason = await whyNotReady()
      if (reason !== undefined) throw new Problem(503, 'Not ready', reason, { 'Retry-After': '1' })
      const noted = warnings()
      res.set('Cache-Control', 'no-store').json({ status: 'ready', ...(noted.length === 0 ? {} : { warnings: noted }) })
    })
    .all(allowOnly('GET'))

  router
    .route('/metrics')
    .get(async (_req, res) => {
      res
        .set('Cache-Control', 'no-store')
        .type(metrics.contentType)
        .send(await metrics.text())
    })
    .all(allowOnly('GET'))

  return router
}
