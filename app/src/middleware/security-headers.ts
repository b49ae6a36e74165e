import type { IncomingMessage, ServerResponse } from 'node:http'
import { dataPolicies } from '../http/policy-headers.ts'

const HEADERS = new Map(Object.entries(dataPolicies))

/** Sets the policy headers of every answer, and keeps it out of caches. The files of the page have other headers: app.ts. */
export function securityHeaders(_req: IncomingMessage, res: ServerResponse, next: () => void): void {
  res.setHeaders(HEADERS)
  next()
}
