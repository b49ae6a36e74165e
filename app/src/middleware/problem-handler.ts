import type { ErrorRequestHandler, RequestHandler } from 'express'
import { z } from 'zod'
import { Problem, TEXTS } from '../http/problem.ts'
import { ForeignKey, RedisUnavailable } from '../redis/errors.ts'
import { QueueIsFull } from '../users/fair-queue.ts'

/** For a request that no route has answered. */
export const notFound: RequestHandler = () => {
  throw new Problem(404, ...TEXTS[404])
}

/** Answers every error as problem details: RFC 9457. */
export const problemHandler: ErrorRequestHandler = (error, req, res, next) => {
  // The route was too slow, and the client has an answer: request-deadline.ts. An answer that was only begun is cut off.
  if (res.writableEnded) return
  const problem = toProblem(error)
  const { status, headers } = problem
  // For the access log. The answer does not contain the reason.
  res.locals.error = status >= 500 ? error : undefined
  if (res.headersSent) return next(error)
  // Otherwise Node would take the unread rest of a body for the next request on the connection.
  if (!req.complete) res.set('Connection', 'close')
  res
    .status(status)
    .set(headers)
    .set('Cache-Control', 'no-store')
    .type('application/problem+json')
    .send(JSON.stringify(problem))
}

/** Express and its body parser set a 4xx status on errors of the client. */
const clientError = z.object({ status: z.int().min(400).max(499), type: z.string().optional() })

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof ForeignKey) return new Problem(503, 'Redis key in use', `${error.message}.`)
  const retry = { 'Retry-After': '1' }
  if (error instanceof RedisUnavailable) {
    const detail = 'The session store does not answer. Try again in a moment.'
    return new Problem(503, 'Sessions are unavailable', detail, retry)
  }
  if (error instanceof QueueIsFull) {
    const detail = 'Requests with a session have priority. Try again in a moment.'
    return new Problem(503, 'Too many logins at once', detail, retry)
  }
  const { data } = clientError.safeParse(error)
  if (!data) return new Problem(500, 'Internal server error', 'The log has the reason, under this X-Request-Id.')
  if (data.status === 413) return new Problem(413, 'Content too large', 'This address does not accept so large a body.')
  if (data.status === 415) return new Problem(415, 'Unsupported media type', 'Send plain UTF-8 JSON.')
  if (data.type === 'entity.parse.failed') return new Problem(400, 'Bad request', 'The body is not JSON.')
  return new Problem(400, ...TEXTS[400])
}
