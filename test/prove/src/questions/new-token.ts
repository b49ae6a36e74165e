import { tally } from '../finding.ts'
import type { Visitor } from '../visitor.ts'
import type { Question, World } from '../world.ts'

/** A token that an attacker knows before the login must not become a session of the victim. */
export const newToken: Question = {
  id: 'new-token',
  title: 'A login replaces the token (no session fixation)',
  async ask(world) {
    const did =
      'Logged in with a token from before the login: one that the application gave to an unknown client, and that of another user.'
    if (world.sessionCookies.length === 0)
      return {
        did,
        saw: [],
        verdict: 'NOT JUDGED',
        concluded: 'The login sets no cookie, so there is no token to compare.',
      }
    const cases = [await afterAnonymous(world), await afterAnotherUser(world)]
    const saw = cases.map(({ saw }) => saw)
    if (cases.some(({ outcome }) => outcome === 'kept'))
      return { did, saw, verdict: 'FAIL', concluded: 'A token from before the login works for the user who logged in.' }
    if (cases.every(({ outcome }) => outcome === 'unknown'))
      return { did, saw, verdict: 'NOT JUDGED', concluded: 'No login could be compared with a token from before it.' }
    return { did, saw, verdict: 'PASS', concluded: 'The login replaced the token.' }
  },
}

interface Case {
  outcome: 'kept' | 'replaced' | 'unknown'
  saw: string
}

async function afterAnonymous(world: World): Promise<Case> {
  const visitor = world.newVisitor(0)
  // The login page, if the description has one, or the page of the user, may start a session.
  await visitor.prepareLogin()
  await visitor.whoAmI()
  const before = visitor.copy(world.sessionCookies)
  if (world.tokenOf(before) === '') return { outcome: 'unknown', saw: 'An unknown client got no token.' }
  const { visitor: after } = await world.logIn({ account: 0, jar: visitor.jar })
  return compare(world, 'The token of the unknown client', before, after)
}

async function afterAnotherUser(world: World): Promise<Case> {
  const [first, ...others] = world.app.accounts
  const other = others.findIndex(({ username }) => username !== first.username) + 1
  if (other === 0) return { outcome: 'unknown', saw: 'There is one account only, so no user logged in after another.' }
  const { visitor: attacker } = await world.logIn({ account: other })
  const before = attacker.copy(world.sessionCookies)
  const { visitor: victim } = await world.logIn({ account: 0, jar: attacker.copy().jar })
  const standings = await standingsOf(world, victim)
  if (!standings.includes('honoured'))
    return { outcome: 'unknown', saw: `The application ignored a login within the session of another user.` }
  return compare(world, 'The token of another user', before, victim)
}

/** `before` must not work for the user who is logged in now. */
async function compare(world: World, what: string, before: Visitor, after: Visitor): Promise<Case> {
  const isSame = world.tokenOf(before) === world.tokenOf(after)
  const asUser = world.newVisitor(world.app.accounts.indexOf(after.account), before.jar.copy())
  const standings = await standingsOf(world, asUser)
  const isKept = isSame || standings.includes('honoured')
  const change = isSame ? 'stayed the same' : 'was replaced'
  return {
    outcome: isKept ? 'kept' : 'replaced',
    saw: `${what} ${change}. After the login, requests with the old one were: ${tally(standings)}.`,
  }
}

export async function standingsOf(world: World, visitor: Visitor): Promise<string[]> {
  const standings: string[] = []
  for (let look = 0; look < 2 * Math.max(2, world.nodes.length); look++)
    standings.push((await visitor.copy().whoAmI()).standing)
  return standings
}
