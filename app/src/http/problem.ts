import type { RequestHandler } from 'express'
import type { z } from 'zod'

/** The title and the detail of problems that nginx answers too: nginx/parts/problem-texts.conf. A test compares them. */
export const TEXTS = {
  400: ['Bad request', 'The request cannot be read.'],
  404: ['Not found', 'This address does not exist.'],
  405: ['Method not allowed', 'No address here accepts this method.'],
  408: ['Request timeout', 'The request took too long to arrive.'],
  421: ['Misdirected request', 'This host name is not served here. The operator can set it with PUBLIC_HOST.'],
  431: ['Request header fields too large', 'Send fewer or shorter header fields.'],
  502: ['No node answered', 'Try again in a moment.'],
} as const

/** An error answer: RFC 9457 problem details. Routes throw it, and middleware/problem-handler.ts sends it. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: number
  readonly detail: string
  readonly headers: Readonly<Record<string, string>>
  /** Extension members: RFC 9457, section 3.2. */
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

  toJSON() {
    const { status, message: title, detail, members } = this
    return { type: 'about:blank', title, status, detail, ...members }
  }
}

/**
 * Parses the body of a request.
 * @throws {Problem} 400 that names the invalid fields, but not their values, which can be passwords
 */
export function parse<Schema extends z.ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  const reasons = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`)
  throw new Problem(400, 'Bad request', reasons.slice(0, 5).join('; '))
}

/** Rejects a body that is not JSON: RFC 9110, section 15.5.16. An HTML form of another site cannot send JSON. */
export const requireJson: RequestHandler = (req, _res, next) => {
  if (req.is('application/json')) return next()
  throw new Problem(415, 'Unsupported media type', 'Send a JSON body, with Content-Type: application/json.')
}

/** Rejects every other method of a route with 405 and an Allow header: RFC 9110, section 15.5.6. */
export const allowOnly =
  (...methods: string[]): RequestHandler =>
  (req) => {
    const allow = methods.join(', ')
    const detail = `This address does not accept ${req.method}. It accepts ${allow}.`
    throw new Problem(405, 'Method not allowed', detail, { Allow: allow })
  }
