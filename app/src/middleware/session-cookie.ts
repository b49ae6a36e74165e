import type { CookieOptions, Request, Response } from 'express'

/** The cookie that carries the token. */
export interface SessionCookie {
  /**
   * The token that the request carries, or undefined. A request with several cookies of this name carries none: which of
   * them is meant depends on who set it, and another host of the same domain can set one (RFC 6265, section 8.6).
   */
  read(req: Request): string | undefined
  set(req: Request, res: Response, token: string): void
  clear(req: Request, res: Response): void
}

/** No Domain and no Expires: it goes back to this host only, and ends with the browser. OWASP ASVS 5.0, 3.3. */
const attributesOn = (req: Request): CookieOptions => ({
  httpOnly: true,
  sameSite: 'lax',
  path: '/',
  secure: req.secure,
})

export function createSessionCookie(name: string): SessionCookie {
  /**
   * Over TLS the name says to the browser: only from this very host, over TLS, for every path (OWASP ASVS 5.0, 3.3.3). No
   * neighbour under the same domain can then set one of its own making. Over plain http a browser would refuse it.
   */
  const nameOn = (req: Request) => (req.secure ? `__Host-${name}` : name)

  return {
    read(req) {
      const prefix = `${nameOn(req)}=`
      const found = (req.headers.cookie ?? '')
        .split(';')
        .map((pair) => pair.trim())
        .filter((pair) => pair.startsWith(prefix))
      return found.length === 1 ? found[0]?.slice(prefix.length) : undefined
    },
    set(req, res, token) {
      res.cookie(nameOn(req), token, attributesOn(req))
    },
    clear(req, res) {
      res.clearCookie(nameOn(req), attributesOn(req))
    },
  }
}
