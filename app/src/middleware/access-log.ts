import type { Express as App, Request, RequestHandler, Response } from 'express'
import { isOfApi, isPrivate, pathOf } from '../http/paths.ts'
import { Problem } from '../http/problem.ts'
import type { Logger, NodeLoggers } from '../logger.ts'
import { RedisUnavailable } from '../redis/errors.ts'
import { QueueIsFull } from '../users/fair-queue.ts'

declare global {
  namespace Express {
    interface Request {
      /** Logs with the id of the request. Each use creates a new one, because few requests need it. */
      readonly log: Logger
    }
  }
}

/** Gives each request of the app its `log`. */
export function addRequestLog(app: App, log: Logger): void {
  Object.defineProperty(app.request, 'log', {
    get(this: Request) {
      return log.child({ requestId: this.res?.locals.requestId })
    },
  })
}

/** Logs one line for each answered request, without the query and the headers, because both can contain a secret. */
export function accessLog({ log, access }: NodeLoggers): RequestHandler {
  return (req, res, next) => {
    const startedAt = performance.now()
    res.once('close', () => {
      const path = pathOf(req.originalUrl)
      const line = describe(req, res, path, performance.now() - startedAt)
      // A failure is written at once.
      if (res.statusCode >= 500) log.error(line, 'request')
      else access[isNoise(path, res.statusCode) ? 'debug' : 'info'](line, 'request')
    })
    next()
  }
}

/** Probes come every second, and a page consists of twenty files. nginx logs files by the same rule. */
const isNoise = (path: string, status: number) =>
  isPrivate(path) || ((status === 200 || status === 304) && !isOfApi(path))

function describe(req: Request, res: Response, path: string, tookMs: number) {
  return {
    requestId: res.locals.requestId,
    method: req.method,
    path,
    status: res.statusCode,
    ms: Math.ceil(tookMs * 10) / 10,
    user: res.locals.username,
    ...(res.writableFinished ? {} : { aborted: true }),
    ...reasonOf(res.locals.error),
  }
}

function reasonOf(error: unknown) {
  if (!(error instanceof Error)) return {}
  // A stack trace helps with a bug. These errors are no bugs.
  const isExpected = [Problem, RedisUnavailable, QueueIsFull].some((kind) => error instanceof kind)
  return isExpected ? { reason: error.message } : { reason: error.message, stack: error.stack }
}
