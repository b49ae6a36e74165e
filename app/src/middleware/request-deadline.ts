import type { ErrorRequestHandler, RequestHandler } from 'express'
import { Problem } from '../http/problem.ts'

/** With the usual deadline of Redis, less than the time after which a balancer gives up: nginx/parts/failover.conf */
const SHORTEST_MS = 3_000
const COMMANDS_IN_SEQUENCE = 6

interface Parts {
  /** The deadline of one command to Redis. */
  redisDeadlineMs: number
  /** Sends the error. Not `next`, because the route still needs it for its own error. */
  answer: ErrorRequestHandler
}

/**
 * Answers 503 when no route has answered in time: three seconds after the request has arrived, or six deadlines of Redis if they are
 * longer. Each command has a deadline, but a request sends several in sequence, so a slow Redis would delay its answer by the sum of
 * them.
 *
 * The route continues, and its answer is discarded. A login then takes its session back (routes/auth.routes.ts). Other work may
 * take effect: as after every 503, the client does not know, and can repeat the request.
 */
export function requestDeadline({ redisDeadlineMs, answer }: Parts): RequestHandler {
  const deadlineMs = Math.max(SHORTEST_MS, COMMANDS_IN_SEQUENCE * redisDeadlineMs)
  return (req, res, next) => {
    const timer = setTimeout(() => {
      // An event stream has sent its headers.
      if (!res.headersSent && req.complete) answer(tooSlow(), req, res, next)
    }, deadlineMs)
    // How long a body may take to arrive has another limit: lifecycle/listen.ts
    if (!req.complete) req.once('end', () => timer.refresh())
    res.once('close', () => clearTimeout(timer))
    next()
  }
}

function tooSlow(): Problem {
  const detail = 'The session store takes too long. Try again in a moment.'
  return new Problem(503, 'Sessions are unavailable', detail, { 'Retry-After': '1' })
}
