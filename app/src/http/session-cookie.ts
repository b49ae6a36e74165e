import type { CookieOptions, Request, Response } from 'express'
import { valuesOf } from './cookie-header.ts'
import { placesOfDuplicates } from './cookie-places.ts'

/**
 * nginx reads the head of an answer into one buffer of 4 kB (proxy_buffer_size), and answers 502 if it does not fit. The rest
 * of the head is about 2 kB. Only a host name with many long parts reaches this limit. The least likely places come last.
 */
const MAX_REMOVAL_BYTES = 1_800

export type SessionCookie = ReturnType<typeof createSessionCookie>

/** The cookie that carries the token. */
export function createSessionCookie(name: string) {
  /**
   * Over TLS, a browser accepts the prefix only from this host, over TLS, and for the path `/` (OWASP ASVS 5.0, 3.3.3). So no
   * other host of the domain can set a cookie of this name. Over plain http, a browser rejects the prefix.
   */
  const nameOn = (req: Request) => (req.secure ? `__Host-${name}` : name)

  /**
   * Every token that the request carries. With several cookies of this name none of them can be believed: another host of the
   * same domain may have set one (RFC 6265, section 8.6).
   */
  const readAll = (req: Request) => valuesOf(req.headers.cookie ?? '', nameOn(req))

  return {
    readAll,
    set(req: Request, res: Response, token: string): void {
      res.cookie(nameOn(req), token, attributesOn(req))
    },
    clear(req: Request, res: Response): void {
      res.clearCookie(nameOn(req), attributesOn(req))
    },
    /**
     * If the request has several cookies of this name, removes those that another application has set: for other paths, or
     * for the whole domain. A browser does not send the path of a cookie, so this clears every possible path.
     */
    clearDuplicates(req: Request, res: Response): void {
      // With the prefix __Host- there can be no others.
      if (req.secure || readAll(req).length <= 1) return
      res.append('Set-Cookie', removals(nameOn(req), req))
    },
  }
}

/** Without Domain and Expires: the cookie is sent to this host only, and ends with the browser. OWASP ASVS 5.0, 3.3. */
const attributesOn = (req: Request): CookieOptions => ({
  httpOnly: true,
  sameSite: 'lax',
  path: '/',
  secure: req.secure,
})

/** In the shortest form: Max-Age is shorter than a date, and a removal needs no other attributes. */
function removals(name: string, { originalUrl, headers }: Request): string[] {
  const lines: string[] = []
  let bytes = 0
  for (const { path, domain } of placesOfDuplicates({ url: originalUrl, host: headers.host ?? '' })) {
    const line = `${name}=; Max-Age=0; Path=${path}${domain === undefined ? '' : `; Domain=${domain}`}`
    bytes += `Set-Cookie: ${line}\r\n`.length
    if (bytes > MAX_REMOVAL_BYTES) break
    lines.push(line)
  }
  return lines
}
