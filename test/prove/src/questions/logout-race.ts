import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { many } from '../finding.ts'
import type { Visitor } from '../visitor.ts'
import type { Question, World } from '../world.ts'

const ROUNDS = 15
const REQUESTS = 8
/** Each candidate is asked this often on each node. */
const LOOKS = 2

/** A logout stays a logout when other requests of the session are under way. */
export const logoutRace: Question = {
  id: 'logout-race',
  title: 'Requests under way never undo a logout',
  async ask(world) {
    const rounds: Awaited<ReturnType<typeof race>>[] = []
    for (let round = 0; round < ROUNDS; round++) rounds.push(await race(world, round))
    const overlapping = rounds.reduce((sum, one) => sum + one.overlapping, 0)
    const undone = rounds.filter((one) => one.isAlive && one.isLoggedOut).length
    const refused = rounds.filter((one) => !one.isLoggedOut).length
    const unclear = rounds.filter((one) => one.isUnclear).length
    const writes = world.app.data === undefined ? '' : ', half of them changes of data'
    const did = `${ROUNDS} times: logged in, sent ${REQUESTS} requests${writes}, and logged out while they were under way.`
    const saw = [
      `${many(overlapping, 'request')} ran at the same time as a logout.`,
      `The session worked after ${undone} of ${ROUNDS} logouts.`,
      ...(refused > 0 ? [`${many(refused, 'logout')} failed.`] : []),
      ...(unclear > 0 ? [`After ${many(unclear, 'logout')}, requests failed.`] : []),
    ]
    if (undone > 0)
      return {
        did,
        saw,
        verdict: 'FAIL',
        concluded: `${undone} of ${ROUNDS} logouts were undone by a request under way.`,
      }
    if (overlapping < ROUNDS)
      return { did, saw, verdict: 'NOT JUDGED', concluded: 'Too few requests ran at the same time as a logout.' }
    if (refused + unclear > ROUNDS / 2)
      return { did, saw, verdict: 'NOT JUDGED', concluded: 'Too many requests failed.' }
    return { did, saw, verdict: 'PASS', concluded: 'No logout was undone.' }
  },
}

async function race(world: World, round: number) {
  const { visitor } = await world.logIn()
  const original = visitor.copy()
  const change = world.app.data === undefined ? undefined : await visitor.copy().prepareChange()
  const browsers = Array.from({ length: REQUESTS }, () => visitor.copy())
  const times: { startedMs: number; endedMs: number }[] = []
  const timed = async <T>(work: () => Promise<T>): Promise<T> => {
    const startedMs = performance.now()
    const result = await work()
    times.push({ startedMs, endedMs: performance.now() })
    return result
  }
  const underWay = browsers.map((browser, place) =>
    timed(() => (change !== undefined && place % 2 === 1 ? change(place) : browser.whoAmI())),
  )
  // The logout meets the requests earlier in one round and later in another.
  await sleep(round % 5)
  const startedMs = performance.now()
  const { status } = await world.logOut(visitor)
  const endedMs = performance.now()
  await Promise.all(underWay)
  const overlapping = times.filter((one) => one.startedMs < endedMs && one.endedMs > startedMs).length
  const isLoggedOut = status > 0 && status < 400
  return { overlapping, isLoggedOut, ...(await findLiving(world, [original, ...browsers])) }
}

/** Whether any token that the browsers had is still a session. */
async function findLiving(world: World, browsers: readonly Visitor[]) {
  const candidates = new Map(browsers.map((browser) => [world.tokenOf(browser), browser.copy(world.sessionCookies)]))
  let isAlive = false
  let isUnclear = false
  for (const [token, browser] of [...candidates].slice(0, 3)) {
    if (token === '') continue
    for (let look = 0; look < LOOKS * Math.max(1, world.nodes.length); look++) {
      const { standing } = await browser.copy().whoAmI()
      if (standing === 'honoured' || standing === 'another user') isAlive = true
      if (standing === 'failed') isUnclear = true
    }
  }
  return { isAlive, isUnclear }
}
