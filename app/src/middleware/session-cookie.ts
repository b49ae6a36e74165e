import type { CookieOptions, Request, Response } from 'express'
import { valuesOf } from './cookie-header.ts'
import { type CookiePlace, placesOfDuplicates } from './cookie-places.ts'

/** The cookie that carries the token. */
export interface SessionCookie {
  /**
   * The token that the request carries, or undefined. A request with several cookies of this name carries none: which of
   * them is meant depends on who set it, and another host of the same domain can set one (RFC 6265, section 8.6).
   */
  read(req: Request): string | undefined
  /** Every token that the request carries. For a logout: it must end the session, whichever of them it has. */
  readAll(req: Request): string[]
  /** Whether there are several cookies of this name, so that `read` returns none. */
  isAmbiguous(req: Request): boolean
  set(req: Request, res: Response, token: string): void
  clear(req: Request, res: Response): void
  /**
   * Removes the cookies of this name that another application has set, where the request shows several: those of other
   * paths and of the whole domain. The own one stays. A browser does not send the path of a cookie, so this clears each
   * path that a cookie of this request can have.
   */
  clearDuplicates(req: Request, res: Response): void
}

/** No Domain and no Expires: it goes back to this host only, and ends with the browser. OWASP ASVS 5.0, 3.3. */
const attributesOn = (req: Request): CookieOptions => ({
  httpOnly: true,
  sameSite: 'lax',
  path: '/',
  secure: req.secure,
})

/**
 * nginx takes the head of an answer in one buffer of 4 kB (proxy_buffer_size), and makes it a 502 if it does not fit. The rest
 * of the head is about 2 kB. Only a host name with many long parts has so many places; the least likely ones are last.
 */
const MOST_REMOVAL_BYTES = 1_800

/** As short as can be: Max-Age is shorter than a date, and a removal needs no other attributes. */
function removals(name: string, places: readonly CookiePlace[]): string[] {
  const lines: string[] = []
  let bytes = 0
  for (const { path, domain } of places) {
    const line = `${name}=; Max-Age=0; Path=${path}${domain === undefined ? '' : `; Domain=${domain}`}`
    bytes += `Set-Cookie: ${line}\r\n`.length
    if (bytes > MOST_REMOVAL_BYTES) break
    lines.push(line)
  }
  return lines
}

export function createSessionCookie(name: string): SessionCookie {
  /**
   * Over TLS the name says to the browser: only from this very host, over TLS, for every path (OWASP ASVS 5.0, 3.3.3). No
   * neighbour under the same domain can then set one of its own making. Over plain http a browser would refuse it.
   */
  const nameOn = (req: Request) => (req.secure ? `__Host-${name}` : name)

  const readAll = (req: Request) => valuesOf(req.headers.cookie ?? '', nameOn(req))

  const isAmbiguous = (req: Request) => readAll(req).length > 1

  return {
    readAll,
    isAmbiguous,
    read(req) {
      const [token, ...others] = readAll(req)
      return others.length === 0 ? token : undefined
    },
    set(req, res, token) {
      res.cookie(nameOn(req), token, attributesOn(req))
    },
    clear(req, res) {
      res.clearCookie(nameOn(req), attributesOn(req))
    },
    clearDuplicates(req, res) {
      // The prefix __Host- allows no cookie but the own one.
      if (req.secure || !isAmbiguous(req)) return
      const places = placesOfDuplicates({ url: req.originalUrl, host: req.headers.host ?? '' })
      res.append('Set-Cookie', removals(nameOn(req), places))
    },
  }
}
