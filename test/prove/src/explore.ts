import { nodeOf } from '../../../loadtest/lib/app-speech.ts'
import { tally } from './finding.ts'
import type { Visitor } from './visitor.ts'
import { LoginFailed, type MutableWorld } from './world.ts'

/** Enough to see each of ten nodes with round robin, and each of three nodes by chance. */
const LOOKS = 30
const TRIES = 9

/**
 * Checks that the description works at all, and finds the nodes and the session cookies. Throws LoginFailed with the reason if
 * it does not work: then no question can be judged.
 */
export async function explore(world: MutableWorld): Promise<void> {
  const nobody = await world.newVisitor(0).whoAmI()
  if (nobody.status === 0) throw new LoginFailed(`${world.app.url}${world.app.user.path} gave ${nobody.failure}`)
  if (nobody.standing === 'honoured' || nobody.standing === 'another user')
    throw new LoginFailed(`${world.app.user.path} names a user for a client without a cookie`)
  const { visitor, reply } = await world.logIn({ account: 0 })
  const seen = [reply, nobody]
  const standings: string[] = []
  for (let look = 0; look < LOOKS; look++) {
    const answer = await visitor.copy().whoAmI()
    seen.push(answer)
    standings.push(answer.standing === 'failed' ? String(answer.failure ?? answer.status) : answer.standing)
  }
  if (!standings.includes('honoured')) {
    throw new LoginFailed(
      `the login as ${visitor.account.username} got ${reply.status}, but ${world.app.user.path} never named that user: ${tally(standings)}`,
    )
  }
  const named = seen.flatMap(({ heard }) => nodeOf(world.app, heard) ?? [])
  world.nodes = world.app.node === undefined ? [] : [...new Set([...(world.app.nodes ?? []), ...named])].sort(byNumber)
  world.sessionCookies = await findSessionCookies(world, visitor)
  await world.logOut(visitor)
}

const byNumber = (a: string, b: string) => a.localeCompare(b, 'en', { numeric: true })

/** The cookie that is enough to be recognised. If none is enough alone, all of them. */
async function findSessionCookies({ app }: MutableWorld, visitor: Visitor): Promise<string[]> {
  const names = Object.keys(visitor.jar.all())
  if (app.cookie !== undefined) return names.includes(app.cookie) ? [app.cookie] : []
  for (const name of names) {
    for (let look = 0; look < TRIES; look++) {
      if ((await visitor.copy([name]).whoAmI()).standing === 'honoured') return [name]
    }
  }
  return names.filter((name) => name !== app.node?.cookie)
}
