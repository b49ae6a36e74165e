import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { securityHeaders } from './security-headers.ts'

/** The headers that `securityHeaders` sets, for answers that do not come from the Express app. */
export function policyHeaders(): Record<string, string> {
  const req = new IncomingMessage(new Socket())
  const res = new ServerResponse(req)
  securityHeaders()(req, res, () => {})
  return Object.fromEntries(res.getHeaderNames().map((name) => [name, String(res.getHeader(name))]))
}
