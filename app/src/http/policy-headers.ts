import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import helmet from 'helmet'
import { REPORTS_PATH } from './paths.ts'

/**
 * For a web page. It loads nothing from other hosts and runs nothing inline. Trusted Types without a policy: no string becomes
 * HTML or a script. OWASP ASVS 5.0, 3.4. The default policy of helmet has upgrade-insecure-requests, which breaks plain http.
 *
 * Chromium ignores `report-uri` beside `report-to`, and reports nothing over plain http then, not even on localhost (tried
 * with 156). So this has `report-uri` only.
 */
const PAGE_RULES = {
  defaultSrc: ["'self'"],
  objectSrc: ["'none'"],
  baseUri: ["'none'"],
  frameAncestors: ["'none'"],
  formAction: ["'self'"],
  requireTrustedTypesFor: ["'script'"],
  trustedTypes: ["'none'"],
  reportUri: [REPORTS_PATH],
}

/** For all other answers. A browser shows JSON as a document if a user opens its address. That document may do nothing. */
const OTHER_RULES = { defaultSrc: ["'none'"], baseUri: ["'none'"], frameAncestors: ["'none'"], formAction: ["'none'"] }

/**
 * The browser features that the page does not use, from Chromium 156 (`document.featurePolicy.features()`). A browser ignores
 * names that it does not know. Client hints are left out, because only a server can use them, and `clipboard-write`, because
 * the "Copy" buttons of the page need it. Without `cross-origin-isolated`, COOP and COEP would allow shared memory and exact
 * clocks, which side-channel attacks need.
 */
const UNUSED_FEATURES = [
  ...['accelerometer', 'aria-notify', 'autoplay', 'browsing-topics', 'camera', 'captured-surface-control'],
  ...['clipboard-read', 'compute-pressure', 'cross-origin-isolated', 'deferred-fetch', 'deferred-fetch-minimal'],
  ...['digital-credentials-create', 'digital-credentials-get', 'display-capture', 'encrypted-media', 'fullscreen'],
  ...['gamepad', 'geolocation', 'gyroscope', 'hid', 'identity-credentials-get', 'idle-detection', 'interest-cohort'],
  ...['keyboard-map', 'language-detector', 'language-model', 'local-fonts', 'local-network', 'local-network-access'],
  ...['loopback-network', 'magnetometer', 'media-playback-while-not-visible', 'microphone', 'midi'],
  ...['on-device-speech-recognition', 'otp-credentials', 'payment', 'picture-in-picture'],
  ...['private-state-token-issuance', 'private-state-token-redemption', 'publickey-credentials-create'],
  ...['publickey-credentials-get', 'screen-wake-lock', 'serial', 'speaker-selection', 'storage-access'],
  ...['summarizer', 'sync-xhr', 'translator', 'unload', 'usb', 'window-management', 'xr-spatial-tracking'],
]

/** The value of the header Permissions-Policy: https://www.w3.org/TR/permissions-policy/ */
export const permissionsPolicy = ['clipboard-write=(self)', ...UNUSED_FEATURES.map((name) => `${name}=()`)].join(', ')

/** The policy headers of an answer that is no web page: of the API, an error, a script, a style sheet. */
export const dataPolicies = { ...readHelmet(OTHER_RULES, { originAgentCluster: false }), 'Cache-Control': 'no-store' }

/** The policy headers of a web page. They apply to the document and to everything that it loads. */
export const pagePolicies = {
  ...readHelmet(PAGE_RULES),
  'Cross-Origin-Opener-Policy': 'same-origin; report-to="default"',
  'Cross-Origin-Embedder-Policy': 'require-corp; report-to="default"',
  'Permissions-Policy': permissionsPolicy,
  // Reports of a policy without an endpoint of its own go to `default`.
  'Reporting-Endpoints': `default="${REPORTS_PATH}"`,
}

/** helmet can only set headers on an answer, so this reads them from an answer that is never sent. */
function readHelmet(directives: Record<string, string[]>, others: { originAgentCluster?: false } = {}) {
  const unsent = new ServerResponse(new IncomingMessage(new Socket()))
  const setHeaders = helmet({
    contentSecurityPolicy: { useDefaults: false, directives },
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
    // nginx sends it, on https answers only.
    strictTransportSecurity: false,
    // Set above, with the endpoint for reports.
    crossOriginOpenerPolicy: false,
    // For Flash, Internet Explorer 8 and XSS filters that no current browser has. Each header adds to every answer.
    xPermittedCrossDomainPolicies: false,
    xDownloadOptions: false,
    xXssProtection: false,
    // The page has no links to other hosts, so a browser has no names to look up in advance.
    xDnsPrefetchControl: false,
    ...others,
  })
  setHeaders(unsent.req, unsent, () => {})
  return Object.fromEntries(unsent.getHeaderNames().map((name) => [name, String(unsent.getHeader(name))]))
}
