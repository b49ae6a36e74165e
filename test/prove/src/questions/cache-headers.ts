import type { Question } from '../world.ts'

/** A cache between the application and its users must not keep the page of one user for another. */
export const cacheHeaders: Question = {
  id: 'cache-headers',
  title: 'Responses for one user are not for shared caches',
  async ask(world) {
    const { visitor } = await world.logIn()
    const seen = new Map<string, boolean>()
    await world.askEveryNode(visitor, 2, ({ standing, headers }) => {
      if (standing !== 'honoured') return
      const { 'cache-control': cacheControl = '', vary = '' } = headers
      const shown = [cacheControl && `Cache-Control: ${cacheControl}`, vary && `Vary: ${vary}`].filter(Boolean)
      seen.set(shown.join('; ') || 'Neither Cache-Control nor Vary', isPrivate(cacheControl) || isPerCookie(vary))
    })
    await world.logOut(visitor)
    const did = `Logged in and read Cache-Control and Vary of ${world.app.user.path}.`
    const saw = [...seen.keys()]
    if (seen.size === 0) return { did, saw, verdict: 'NOT JUDGED', concluded: 'No response named the user.' }
    if ([...seen.values()].includes(false))
      return { did, saw, verdict: 'FAIL', concluded: 'A shared cache may keep the response with the name of the user.' }
    return { did, saw, verdict: 'PASS', concluded: 'Shared caches must not give the response to other users.' }
  },
}

// RFC 9111, section 3: without one of these, a cache may keep a 200 response, for a time of its own choice. With a value, as in
// no-cache="Set-Cookie", they are about that header only (section 5.2.2).
const isPrivate = (cacheControl: string) =>
  wordsOf(cacheControl).some((word) => ['no-store', 'private', 'no-cache'].includes(word))

/** A cache then gives the response only to a client with the same cookies: RFC 9111, section 4.1. */
const isPerCookie = (vary: string) => wordsOf(vary).some((word) => word === 'cookie' || word === '*')

const wordsOf = (header: string) =>
  header
    .toLowerCase()
    .split(',')
    .map((part) => part.trim())
