import type { CookieOptions, Request, Response } from 'express'

const COOKIE_NAME = 'sid'

/** No Domain and no Expires: it goes back to this host only, and ends with the browser. OWASP ASVS 5.0, 3.3. */
const ATTRIBUTES: CookieOptions = { httpOnly: true, sameSite: 'lax', path: '/' }

/**
 * The token that the request carries, or undefined. A request with several cookies of this name carries none: which of
 * them is meant depends on who set it, and another host of the same domain can set one (RFC 6265, section 8.6).
 */
export function readSessionCookie(req: Request): string | undefined {
  const prefix = `${COOKIE_NAME}=`
  const found = (req.headers.cookie ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(prefix))
  return found.length === 1 ? found[0]?.slice(prefix.length) : undefined
}

export function setSessionCookie(res: Response, token: string): void {
  res.cookie(COOKIE_NAME, token, ATTRIBUTES)
}

export function clearSessionCookie(res: Response): void {
  res.clearCookie(COOKIE_NAME, ATTRIBUTES)
}
