import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Response } from 'express'
import { pinoHttp } from 'pino-http'
import type { Logger } from '../logger.ts'
import { RedisUnavailable } from '../redis/errors.ts'
import { QueueIsFull } from '../users/fair-queue.ts'
import { Problem } from './problem.ts'

/** Probes come every second or so and would drown the rest; they are logged at debug. */
const PROBES = new Set(['/livez', '/readyz', '/metrics'])
/** A page consists of twenty files. One that was sent is logged at debug; nginx leaves it out by the same rule. */
const NOT_A_FILE = /^\/(api|auth)\//

/** One line a request, when it has been answered. Path without the query, and no header: neither can carry a secret. */
export function accessLog(log: Logger) {
  return pinoHttp<IncomingMessage, Response>({
    logger: log,
    quietReqLogger: true,
    customAttributeKeys: { reqId: 'requestId' },
    // What there is to say is in the line below; left alone, pino-http adds all headers to it, the cookie among them.
    serializers: { req: () => undefined, res: () => undefined, err: () => undefined },
    genReqId: (_req, res) => res.locals.requestId,
    customLogLevel: (req, res) => {
      if (res.statusCode >= 500) return 'error'
      return PROBES.has(pathOf(req)) || isSentFile(req, res) ? 'debug' : 'info'
    },
    customSuccessMessage: () => 'request',
    customErrorMessage: () => 'request',
    customSuccessObject: (req, res, line: { responseTime: number }) => describe(req, res, line.responseTime),
    customErrorObject: (req, res, _error, line: { responseTime: number }) => describe(req, res, line.responseTime),
  })
}

function isSentFile(req: IncomingMessage, { statusCode }: ServerResponse): boolean {
  return (statusCode === 200 || statusCode === 304) && !NOT_A_FILE.test(pathOf(req))
}

function describe(req: IncomingMessage, res: Response, responseTimeMs: number) {
  return {
    method: req.method,
    path: pathOf(req),
    status: res.statusCode,
    ms: responseTimeMs,
    user: res.locals.username,
    ...(res.writableFinished ? {} : { aborted: true }),
    ...reasonOf(res),
  }
}

function reasonOf(res: ServerResponse & { locals: { error?: unknown } }) {
  const { error } = res.locals
  if (!(error instanceof Error)) return {}
  // A stack says where our code is wrong. That Redis is away, or too much asked, is no mistake of the code.
  const isExpected = [Problem, RedisUnavailable, QueueIsFull].some((kind) => error instanceof kind)
  return isExpected ? { reason: error.message } : { reason: error.message, stack: error.stack }
}

/** Express cuts `req.url` to what is left for a router; `originalUrl` stays whole. */
function pathOf(req: IncomingMessage & { originalUrl?: string }): string {
  return (req.originalUrl ?? req.url ?? '').split('?', 1)[0] ?? ''
}
