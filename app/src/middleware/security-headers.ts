import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import helmet from 'helmet'
import { permissionsPolicy } from './permissions-policy.ts'

/** Where browsers report what these policies have blocked: routes/reports.routes.ts. */
export const REPORTS_PATH = '/api/reports'

/**
 * The page loads nothing from elsewhere and nothing inline. No string becomes HTML or a script of the page: Trusted Types, without
 * a policy that could make an exception. OWASP ASVS 5.0, 3.4.
 * helmet's own policy has upgrade-insecure-requests, which would send a browser on plain http to an https that is not there.
 *
 * Violations are reported by `report-uri`. With `report-to` beside it Chromium ignores it, and over plain http, also on
 * localhost, reports nothing then (tried with 156).
 */
const helmetHeaders = () =>
  helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
        formAction: ["'self'"],
        requireTrustedTypesFor: ["'script'"],
        trustedTypes: ["'none'"],
        reportUri: [REPORTS_PATH],
      },
    },
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
    // Only an https answer may promise https for the future; over http browsers ignore it.
    strictTransportSecurity: false,
    // Below, with the place for reports.
    crossOriginOpenerPolicy: false,
    // For Flash, Internet Explorer 8 and XSS filters that no browser has any more. Each header costs every answer.
    xPermittedCrossDomainPolicies: false,
    xDownloadOptions: false,
    xXssProtection: false,
    // Nothing on the page leads to another host whose name could be looked up beforehand.
    xDnsPrefetchControl: false,
  })

/** Headers that helmet does not have, or not with an endpoint. Reports without an endpoint of their own go to `default`. */
const OTHER_HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin; report-to="default"',
  'Cross-Origin-Embedder-Policy': 'require-corp; report-to="default"',
  'Permissions-Policy': permissionsPolicy,
  'Reporting-Endpoints': `default="${REPORTS_PATH}"`,
}

/** The policy headers of every answer. helmet only sets headers on an answer, so it is given one that is never sent. */
export function policyHeaders(): Record<string, string> {
  const unsent = new ServerResponse(new IncomingMessage(new Socket()))
  helmetHeaders()(unsent.req, unsent, () => {})
  const fromHelmet = unsent.getHeaderNames().map((name) => [name, String(unsent.getHeader(name))])
  return { ...Object.fromEntries(fromHelmet), ...OTHER_HEADERS }
}

/** Sets them on every answer of the app. They are always the same, so they are created once. */
export function securityHeaders() {
  const headers = Object.entries(policyHeaders())
  return (_req: IncomingMessage, res: ServerResponse, next: () => void): void => {
    for (const [name, value] of headers) res.setHeader(name, value)
    next()
  }
}
