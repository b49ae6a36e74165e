import { randomUUID } from 'node:crypto'
import { policyHeaders } from '../middleware/security-headers.ts'

/** An answer that does not come from the Express app: of the balancer, or to what Node's parser cannot read. */
export interface BareAnswer {
  status: number
  headers: Record<string, string>
  body: string
}

export interface BareProblem {
  status: number
  title: string
  detail: string
}

/** Problems (RFC 9457) with the headers that every answer of the app has. `node` is the name in X-Served-By. */
export function createBareAnswers(node: string) {
  const policies = policyHeaders()
  return ({ status, title, detail }: BareProblem, requestId: string = randomUUID()): BareAnswer => {
    const body = JSON.stringify({ type: 'about:blank', title, status, detail })
    const headers = {
      'X-Served-By': node,
      'X-Request-Id': requestId,
      ...policies,
      'Cache-Control': 'no-store',
      'Content-Type': 'application/problem+json',
      'Content-Length': String(Buffer.byteLength(body)),
    }
    return { status, headers, body }
  }
}
