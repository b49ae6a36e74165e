import assert from 'node:assert/strict'
import { permissionsPolicy } from 'app/http/policy-headers'

/** The security headers of every response, with their values. */
const OF_EVERY_ANSWER = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

/** Of a web page. */
export const PAGE_POLICIES = {
  ...OF_EVERY_ANSWER,
  'Content-Security-Policy':
    "default-src 'self';object-src 'none';base-uri 'none';frame-ancestors 'none';form-action 'self';" +
    "require-trusted-types-for 'script';trusted-types 'none';report-uri /api/reports",
  'Cross-Origin-Opener-Policy': 'same-origin; report-to="default"',
  'Cross-Origin-Embedder-Policy': 'require-corp; report-to="default"',
  'Permissions-Policy': permissionsPolicy,
  'Reporting-Endpoints': 'default="/api/reports"',
}

/** Of all other responses: as a document, they may do nothing. */
const DATA_POLICIES = {
  ...OF_EVERY_ANSWER,
  'Content-Security-Policy': "default-src 'none';base-uri 'none';frame-ancestors 'none';form-action 'none'",
}

/** Asserts that a response has all of them. `what` names it in a failure. */
export function assertPolicyHeaders(headers: Headers, what = '', { isPage = false } = {}): void {
  const expected = isPage ? PAGE_POLICIES : DATA_POLICIES
  for (const [name, value] of Object.entries(expected)) assert.equal(headers.get(name), value, `${what} ${name}`)
}
