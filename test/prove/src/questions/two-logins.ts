import { tally } from '../finding.ts'
import type { Visitor } from '../visitor.ts'
import { LoginFailed, type Question, type World } from '../world.ts'

const TIMES = 3

/** Two browsers that log in at the same time get a session each. */
export const twoLogins: Question = {
  id: 'two-logins',
  title: 'Two logins at once stay two sessions',
  async ask(world) {
    const others = world.app.accounts.length > 1
    const pairs = [[0, 0] as const, ...(others ? [[0, 1] as const] : [])]
    const found = []
    for (let time = 0; time < TIMES; time++) for (const pair of pairs) found.push(await logInTwice(world, pair))
    const did = `${found.length} times: logged in with two browsers at once, asked every node for both, and logged one out. The browsers used the same account${others ? ', or two accounts' : ''}.`
    const saw = [
      `Both browsers were: ${tally(found.flatMap(({ both }) => both))}.`,
      `After the logout of one, the other was: ${tally(found.flatMap(({ other }) => other))}.`,
    ]
    if (world.sessionCookies.length === 0)
      return { did, saw, verdict: 'NOT JUDGED', concluded: 'The login sets no cookie, so there are no two sessions.' }
    const same = found.filter(({ isSame }) => isSame).length
    if (same > 0)
      return {
        did,
        saw,
        verdict: 'FAIL',
        concluded: `${same} of ${found.length} times both browsers got the same token.`,
      }
    const wrong = (standings: readonly string[]) =>
      standings.some((one) => one === 'signed out' || one === 'another user')
    const broken = found.filter(({ both, other }) => wrong(both) || wrong(other)).length
    if (broken > 0)
      return {
        did,
        saw,
        verdict: 'FAIL',
        concluded: `${broken} of ${found.length} times a session of the two did not stay.`,
      }
    if (found.some(({ both, other }) => [...both, ...other].includes('failed')))
      return { did, saw, verdict: 'NOT JUDGED', concluded: 'Some requests failed.' }
    return { did, saw, verdict: 'PASS', concluded: 'Both sessions stayed, each with its own user.' }
  },
}

async function logInTwice(world: World, [one, two]: readonly [number, number]) {
  const logins = await Promise.allSettled([world.logIn({ account: one }), world.logIn({ account: two })])
  const [first, second] = logins.map((login) => {
    if (login.status === 'rejected')
      throw login.reason instanceof Error ? login.reason : new LoginFailed('a login failed')
    return login.value.visitor
  })
  if (first === undefined || second === undefined) throw new LoginFailed('a login failed')
  const isSame = world.tokenOf(first) === world.tokenOf(second)
  const both = [...(await standings(world, first)), ...(await standings(world, second))]
  await world.logOut(first)
  const other = await standings(world, second)
  await world.logOut(second)
  return { isSame, both, other }
}

async function standings(world: World, visitor: Visitor): Promise<string[]> {
  const seen: string[] = []
  await world.askEveryNode(visitor, 1, ({ standing }) => void seen.push(standing))
  return seen
}
