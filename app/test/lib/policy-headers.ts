import assert from 'node:assert/strict'
import { permissionsPolicy } from '../../src/middleware/permissions-policy.ts'

/** The headers by which every answer of every part tells a browser how to treat it, and their values. */
export const POLICY_HEADERS: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin; report-to="default"',
  'Cross-Origin-Embedder-Policy': 'require-corp; report-to="default"',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': permissionsPolicy,
  'Reporting-Endpoints': 'default="/api/reports"',
}

/** The Content-Security-Policy of an answer of a node, and of one that nginx gives by itself. */
const OF_A_NODE =
  "default-src 'self';object-src 'none';base-uri 'none';frame-ancestors 'none';form-action 'self';" +
  "require-trusted-types-for 'script';trusted-types 'none';report-uri /api/reports"
const OF_NGINX =
  "default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'; " +
  "require-trusted-types-for 'script'; trusted-types 'none'"

/** Holds all of them against an answer. `what` names it in a failure. */
export function assertPolicyHeaders(headers: Headers, what = ''): void {
  for (const [name, value] of Object.entries(POLICY_HEADERS)) assert.equal(headers.get(name), value, `${what} ${name}`)
  const isOfNginx = headers.get('X-Served-By') === 'nginx'
  assert.equal(headers.get('Content-Security-Policy'), isOfNginx ? OF_NGINX : OF_A_NODE, what)
}
