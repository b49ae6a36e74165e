import { randomInt } from 'node:crypto'
import { tally } from '../finding.ts'
import { createJar } from '../jar.ts'
import type { Question, World } from '../world.ts'
import { standingsOf } from './new-token.ts'

/** A token that the application never gave must not become a session. */
export const inventedToken: Question = {
  id: 'invented-token',
  title: 'A login does not adopt an invented token',
  async ask(world) {
    const did = 'Logged in with a token of the right form that the application never gave.'
    if (world.sessionCookies.length === 0)
      return {
        did,
        saw: [],
        verdict: 'NOT JUDGED',
        concluded: 'The login sets no cookie, so the form of a token is unknown.',
      }
    const jar = createJar(await inventTokens(world))
    const invented = jar.copy()
    const visitor = world.newVisitor(0, jar)
    const reply = await visitor.logIn()
    const isLoggedIn = reply.status > 0 && reply.status < 400
    const isSame = world.tokenOf(visitor) === invented.header(world.sessionCookies)
    const standings = await standingsOf(world, world.newVisitor(0, invented))
    await world.logOut(visitor)
    const saw = [
      `The login got ${reply.failure ?? reply.status}${isLoggedIn ? ` and ${isSame ? 'kept' : 'replaced'} the invented token` : ''}.`,
      `Requests with the invented token were: ${tally(standings)}.`,
    ]
    if (standings.includes('honoured') || (isLoggedIn && isSame))
      return { did, saw, verdict: 'FAIL', concluded: 'The invented token became the session of the user.' }
    if (!isLoggedIn && (reply.status === 0 || reply.status === 429 || reply.status >= 500))
      return { did, saw, verdict: 'NOT JUDGED', concluded: 'The login failed for another reason.' }
    return { did, saw, verdict: 'PASS', concluded: 'The invented token is worth nothing.' }
  },
}

/** Values like those of a real session, with random letters and digits. */
async function inventTokens(world: World): Promise<[string, string][]> {
  const { visitor } = await world.logIn({ account: 0 })
  const names = world.sessionCookies
  const invented = names.map((name): [string, string] => [name, scramble(visitor.jar.get(name) ?? '')])
  await world.logOut(visitor)
  return invented
}

const HEX = '0123456789abcdef'
const DIGITS = '0123456789'
const LETTERS = 'abcdefghijklmnopqrstuvwxyz'

/** Keeps escapes such as %3A, and what is not a letter or a digit. */
function scramble(value: string): string {
  const isHex = /^[0-9a-f-]+$/.test(value)
  return value.replace(/%[0-9A-Fa-f]{2}|[a-zA-Z0-9]/g, (part) => {
    if (part.startsWith('%')) return part
    if (isHex) return pick(HEX)
    if (/\d/.test(part)) return pick(DIGITS)
    return /[a-z]/.test(part) ? pick(LETTERS) : pick(LETTERS).toUpperCase()
  })
}

const pick = (letters: string) => letters.charAt(randomInt(letters.length))
