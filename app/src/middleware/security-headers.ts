import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import helmet from 'helmet'
import { permissionsPolicy } from './permissions-policy.ts'

/** Where a browser reports what these policies have kept from the page: routes/reports.routes.ts. */
export const REPORTS_PATH = '/api/reports'

/**
 * The page loads nothing from elsewhere and nothing inline, and no string becomes HTML or a script of it (Trusted Types, with no
 * policy that could make an exception). OWASP ASVS 5.0, 3.4.
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
  })

/** What helmet does not have. A browser sends all reports of the kinds that ask for no place of their own to `default`. */
const OTHER_HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin; report-to="default"',
  'Cross-Origin-Embedder-Policy': 'require-corp; report-to="default"',
  'Permissions-Policy': permissionsPolicy,
  'Reporting-Endpoints': `default="${REPORTS_PATH}"`,
}

/** The headers with which every answer tells browsers how to treat it: the same ones each time, so they are made once. */
export function securityHeaders() {
  const none = new ServerResponse(new IncomingMessage(new Socket()))
  helmetHeaders()(none.req, none, () => {})
  const headers = Object.entries({ ...none.getHeaders(), ...OTHER_HEADERS })
  return (_req: IncomingMessage, res: ServerResponse, next: () => void): void => {
    for (const [name, value = ''] of headers) res.setHeader(name, value)
    next()
  }
}
