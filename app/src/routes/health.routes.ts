import { Router } from 'express'
import { allowOnly, Problem } from '../http/problem.ts'
import type { Readiness } from '../lifecycle/readiness.ts'
import type { Metrics } from '../metrics.ts'

/** Probes and metrics, for the operator of the nodes. Balancers do not forward these paths: http/paths.ts. */
export function healthRoutes({ readiness, metrics }: { readiness: Readiness; metrics: Metrics }): Router {
  const router = Router({ strict: true, caseSensitive: true })

  // Does not query Redis: without Redis all nodes would be restarted at once, which does not help.
  router
    .route('/livez')
    .get((_req, res) => {
      res.json({ status: 'alive' })
    })
    .all(allowOnly('GET'))

  router
    .route('/readyz')
    .get(async (_req, res) => {
      const reason = await readiness.whyNotReady()
      if (reason !== undefined) throw new Problem(503, 'Not ready', reason, { 'Retry-After': '1' })
      const warnings = readiness.warnings()
      res.json({ status: 'ready', ...(warnings.length === 0 ? {} : { warnings }) })
    })
    .all(allowOnly('GET'))

  router
    .route('/metrics')
    .get(async (_req, res) => {
      res.type(metrics.contentType).send(await metrics.text())
    })
    .all(allowOnly('GET'))

  return router
}
