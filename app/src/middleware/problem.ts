import type { ErrorRequestHandler, RequestHandler, Response } from 'express'
import { z } from 'zod'
import { ForeignKey, RedisUnavailable } from '../redis/errors.ts'
import { QueueIsFull } from '../users/fair-queue.ts'

/** An answer that is an error, as RFC 9457 problem details. Thrown anywhere in a route, sent by `problemHandler`. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: number
  readonly detail: string
  readonly headers: Readonly<Record<string, string>>
  /** Members of the problem beside the usual ones: RFC 9457, section 3.2. */
  readonly members: Readonly<Record<string, string>>

  constructor(
    status: number,
    title: string,
    detail: string,
    headers: Record<string, string> = {},
    members: Record<string, string> = {},
  ) {
    super(title)
    this.status = status
    this.detail = detail
    this.headers = headers
    this.members = members
  }
}

/** How long a client should wait before it tries again while Redis is away or the node busy, in seconds. */
const RETRY_AFTER_SECONDS = 1

/**
 * Gives `input` the form that `schema` asks for.
 * @throws {Problem} 400 that names the fields; what was in them is not repeated, it may be a password
 */
export function parse<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  const reasons = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`)
  throw new Problem(400, 'Bad request', reasons.slice(0, 5).join('; '))
}

/** Refuses a body that is not JSON, RFC 9110 section 15.5.16. Also keeps out what an HTML form on another site can send. */
export const requireJson: RequestHandler = (req, _res, next) => {
  if (req.is('application/json')) return next()
  throw new Problem(415, 'Unsupported media type', 'Send a JSON body, with Content-Type: application/json.')
}

/** Ends a route's list of methods: any other one is 405 with the Allow header that RFC 9110 section 15.5.6 asks for. */
export const allowOnly =
  (...methods: string[]): RequestHandler =>
  (req) => {
    const allow = methods.join(', ')
    throw new Problem(405, 'Method not allowed', `${req.method} is not for this address. It takes ${allow}.`, {
      Allow: allow,
    })
  }

export const notFound: RequestHandler = () => {
  throw new Problem(404, 'Not found', 'There is nothing at this address.')
}

/** The one place where what went wrong becomes an HTTP answer. */
export const problemHandler: ErrorRequestHandler = (error, req, res, next) => {
  const problem = toProblem(error)
  // The access log line of this request tells the reason; the answer does not.
  res.locals.error = problem.status >= 500 ? error : undefined
  if (res.headersSent) return next(error)
  // What is left of a body nobody reads would be taken for the next request on this connection.
  if (!req.complete) res.set('Connection', 'close')
  sendProblem(res, problem)
}

function sendProblem(res: Response, { status, message, detail, headers, members }: Problem): void {
  res
    .status(status)
    .set(headers)
    .set('Cache-Control', 'no-store')
    .type('application/problem+json')
    .send(JSON.stringify({ type: 'about:blank', title: message, status, detail, ...members }))
}

/** Express and its body parser mark errors that are the client's fault with a 4xx status. */
const clientError = z.object({ status: z.int().min(400).max(499), type: z.string().optional() })

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof ForeignKey) return new Problem(503, 'Redis key in use', `${error.message}.`)
  if (error instanceof RedisUnavailable) {
    return new Problem(503, 'Sessions are unavailable', 'The session store does not answer. Try again in a moment.', {
      'Retry-After': String(RETRY_AFTER_SECONDS),
    })
  }
  if (error instanceof QueueIsFull) {
    return new Problem(
      503,
      'Too many logins at once',
      'Those with a session are served first. Try again in a moment.',
      {
        'Retry-After': String(RETRY_AFTER_SECONDS),
      },
    )
  }
  const known = clientError.safeParse(error)
  if (!known.success)
    return new Problem(500, 'Internal server error', 'The log has the reason under this X-Request-Id.')
  switch (known.data.status) {
    case 413:
      return new Problem(413, 'Content too large', 'The body is larger than this address takes.')
    case 415:
      return new Problem(415, 'Unsupported media type', 'Send plain UTF-8 JSON.')
    default:
      return new Problem(
        400,
        'Bad request',
        known.data.type === 'entity.parse.failed' ? 'The body is not JSON.' : 'The request cannot be read.',
      )
  }
}
