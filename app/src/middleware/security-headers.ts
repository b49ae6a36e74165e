import helmet from 'helmet'

/**
 * The page loads nothing from elsewhere and nothing inline. OWASP ASVS 5.0, 3.4.
 * helmet's own policy has upgrade-insecure-requests, which would send a browser on plain http to an https that is not there.
 */
export const securityHeaders = () =>
  helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
        formAction: ["'self'"],
      },
    },
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
    // Only an https answer may promise https for the future; over http browsers ignore it.
    strictTransportSecurity: false,
  })
