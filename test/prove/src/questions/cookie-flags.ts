import { parseSetCookie, type SetCookie } from '../jar.ts'
import type { Question } from '../world.ts'

/** The session cookie is kept from scripts, from other sites and from plain connections. */
export const cookieFlags: Question = {
  id: 'cookie-flags',
  title: 'The session cookie has its flags',
  async ask(world) {
    const { visitor, reply } = await world.logIn()
    await world.logOut(visitor)
    const isTls = new URL(world.app.url).protocol === 'https:'
    const cookies = reply.setCookies.map(parseSetCookie).filter(({ name }) => world.sessionCookies.includes(name))
    const did = 'Logged in and read the attributes of the session cookie.'
    const saw = cookies.map(describe)
    if (cookies.length === 0)
      return { did, saw, verdict: 'NOT JUDGED', concluded: 'The response to the login sets no session cookie.' }
    const wrong = cookies.flatMap((cookie) => findFaults(cookie, isTls))
    if (wrong.length > 0) return { did, saw, verdict: 'FAIL', concluded: `${wrong.join('. ')}.` }
    const note = isTls ? '' : ' Secure was not judged, because the address is not https.'
    return { did, saw, verdict: 'PASS', concluded: `The cookie has its flags.${note}` }
  },
}

function describe({ name, attributes }: SetCookie): string {
  const shown = [...attributes].map(([attribute, value]) => (value === '' ? attribute : `${attribute}=${value}`))
  return `${name}: ${shown.join('; ') || 'no attributes'}`
}

function findFaults({ name, attributes }: SetCookie, isTls: boolean): string[] {
  const sameSite = attributes.get('samesite')?.toLowerCase()
  return [
    ...(attributes.has('httponly') ? [] : [`${name} has no HttpOnly: a script can read it`]),
    ...(sameSite === undefined
      ? [`${name} has no SameSite: not every browser keeps it from requests of other sites`]
      : []),
    ...(sameSite === 'none' ? [`${name} has SameSite=None: browsers send it with requests of other sites`] : []),
    ...(isTls && !attributes.has('secure') ? [`${name} has no Secure: browsers send it over plain http`] : []),
  ]
}
