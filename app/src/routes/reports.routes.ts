import { json, Router } from 'express'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { REPORTS_PATH } from '../http/paths.ts'
import { policyReports } from '../http/policy-report.ts'
import { allowOnly, Problem, parse } from '../http/problem.ts'
import { networkOf } from '../users/network-of.ts'

const TYPES = ['application/csp-report', 'application/reports+json']
const BODY_LIMIT = '4kb'
/** Requests a minute to this node: more than a working page sends, and too few to fill a log. */
const MAX_PER_ADDRESS = 20
const MAX_IN_ALL = 60

/**
 * /api/reports: browsers report violations of the page's policies. Each violation is one log line. Any client can send a report,
 * so a line proves nothing. No field of it can hold a secret.
 */
export function reportsRoutes(): Router {
  const router = Router({ strict: true, caseSensitive: true })
  const addresses = new RateLimiterMemory({ points: MAX_PER_ADDRESS, duration: 60 })
  const all = new RateLimiterMemory({ points: MAX_IN_ALL, duration: 60 })

  router
    .route(REPORTS_PATH)
    .post(
      async (req, _res, next) => {
        await admit(networkOf(req.ip ?? ''))
        if (!req.is(TYPES)) throw new Problem(415, 'Unsupported media type', `Send one of: ${TYPES.join(', ')}.`)
        next()
      },
      json({ type: TYPES, limit: BODY_LIMIT }),
      (req, res) => {
        for (const violation of parse(policyReports, req.body)) {
          req.log.warn({ event: 'policy_violation', ...violation }, 'Browser reported a policy violation')
        }
        res.status(204).end()
      },
    )
    .all(allowOnly('POST'))

  /**
   * Counts a request. It stops counting addresses at MAX_IN_ALL, so memory never holds more of them.
   * @throws {Problem} 429
   */
  async function admit(network: string): Promise<void> {
    try {
      const used = await all.get('all')
      if (used && used.remainingPoints <= 0) throw used
      await addresses.consume(network)
      await all.consume('all')
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal
      const seconds = Math.max(1, Math.ceil(refusal.msBeforeNext / 1000))
      throw new Problem(429, 'Too many reports', `Try again in ${seconds} seconds.`, { 'Retry-After': String(seconds) })
    }
  }

  return router
}
