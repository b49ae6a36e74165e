import type { Request, RequestHandler } from 'express'
import { Problem, TEXTS } from '../http/problem.ts'

/** Rejects a request for a host that is not served. */
export const rejectOtherHosts =
  (isServedHost: (req: Request) => boolean): RequestHandler =>
  (req, _res, next) => {
    if (isServedHost(req)) return next()
    throw new Problem(421, ...TEXTS[421])
  }
