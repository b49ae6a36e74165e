import { json, Router } from 'express'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { allowOnly, Problem, parse } from '../middleware/problem.ts'
import { REPORTS_PATH } from '../middleware/security-headers.ts'
import { networkOf } from '../users/network-of.ts'
import { policyReports } from './policy-report.ts'

const TYPES = ['application/csp-report', 'application/reports+json']
const BODY_LIMIT = '4kb'

export interface ReportLimits {
  /** Requests with reports that one address may send a minute, and all together, to this node. */
  perAddress: number
  inAll: number
}

/**
 * /api/reports: browsers report here what the policies of the page have blocked. Each violation is one log line. Any client can
 * send a report, so a line is a claim. It has no field that could hold a secret, and reports are throttled.
 */
export function reportsRoutes({ perAddress, inAll }: ReportLimits): Router {
  const router = Router({ strict: true, caseSensitive: true })
  const addresses = new RateLimiterMemory({ points: perAddress, duration: 60 })
  const all = new RateLimiterMemory({ points: inAll, duration: 60 })

  router
    .route(REPORTS_PATH)
    .post(
      async (req, res, next) => {
        res.set('Cache-Control', 'no-store')
        await admit(networkOf(req.ip ?? ''))
        if (!req.is(TYPES)) throw new Problem(415, 'Unsupported media type', `Send one of: ${TYPES.join(', ')}.`)
        next()
      },
      json({ type: TYPES, limit: BODY_LIMIT }),
      (req, res) => {
        for (const violation of parse(policyReports, req.body)) {
          req.log.warn({ event: 'policy_violation', ...violation }, 'A browser reports a violation of a policy')
        }
        res.status(204).end()
      },
    )
    .all(allowOnly('POST'))

  /**
   * Counts a request. Once `inAll` is reached, addresses are not counted, so memory never holds more than `inAll` of them.
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
