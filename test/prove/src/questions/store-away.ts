import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Finding, notDescribed, seconds, tally } from '../finding.ts'
import { parseSetCookie } from '../jar.ts'
import { runShell } from '../shell.ts'
import type { Seen, Visitor } from '../visitor.ts'
import { LoginFailed, type Question, type World } from '../world.ts'

type Store = NonNullable<World['app']['store']>

const COMMAND_SECONDS = 60
const EVERY_MS = 200
/** Between two looks whether it works again. */
const LOOK_MS = 500

/** Without its store the application says so in time, signs nobody out, and works again afterwards. */
export const storeAway: Question = {
  id: 'store-away',
  title: 'While the session store is away, nobody is signed out and nothing hangs',
  async ask(world): Promise<Finding> {
    const { store } = world.app
    if (store === undefined) return notDescribed('The description does not say how to take the store away.')
    const did = `Logged in, took the store away for ${store.awaySeconds} s, sent a request every ${EVERY_MS / 1000} s, and brought it back.`
    const visitors: Visitor[] = []
    for (const account of world.app.accounts.slice(0, 3).keys()) visitors.push((await world.logIn({ account })).visitor)
    const away = await takeAway(world, store, visitors)
    if (typeof away === 'string') return { did, saw: [], verdict: 'NOT JUDGED', concluded: away }
    const { seen, login, cleared } = away
    const back = await awaitReturn(world, visitors, store.backSeconds)
    const after = await standingsAfter(world, visitors)
    const slowestMs = Math.max(...seen.map(({ ms }) => ms))
    const saw = [
      `While it was away: ${tally(seen.map(wordFor))}. The slowest response took ${seconds(slowestMs)}.`,
      `A login meanwhile: ${login}.`,
      back === undefined
        ? `The application did not work again within ${store.backSeconds} s.`
        : `Afterwards the application worked within ${seconds(back)}. The sessions were: ${tally(after)}.`,
    ]
    return { did, saw, ...judge({ store, seen, login, cleared, back, after }) }
  },
}

const wordFor = ({ standing, status, failure }: Seen) =>
  standing === 'failed' ? (failure ?? String(status)) : standing

/** Takes the store away and brings it back in any case. Returns what was seen meanwhile, or why nothing was. */
async function takeAway(world: World, store: Store, visitors: readonly Visitor[]) {
  const { folder, signal } = world
  const seen: Promise<Seen>[] = []
  let login = 'none'
  let failure: string | undefined
  try {
    const stopped = await runShell(store.stop, { folder, seconds: COMMAND_SECONDS, signal })
    if (stopped !== undefined) return `The command that takes the store away ${stopped}.`
    const endsAtMs = performance.now() + store.awaySeconds * 1000
    const attempt = logInMeanwhile(world)
    while (performance.now() < endsAtMs) {
      for (const visitor of visitors) seen.push(visitor.copy().whoAmI())
      await sleep(EVERY_MS * visitors.length, undefined, { signal })
    }
    // Before the store is back, so that a request that hangs is seen to hang.
    await Promise.all(seen)
    login = await attempt
  } finally {
    // Not ended by the signal: the store must come back.
    failure = await runShell(store.start, { folder, seconds: COMMAND_SECONDS })
  }
  if (failure !== undefined) return `The command that brings the store back ${failure}.`
  const all = await Promise.all(seen)
  const replacesSession = ({ setCookies }: Seen) =>
    setCookies.some((line) => world.sessionCookies.includes(parseSetCookie(line).name))
  // A response that honours the session may replace its token. Another one takes it from the browser.
  const cleared = all.filter((one) => one.standing !== 'honoured' && replacesSession(one)).length
  return { seen: all, login, cleared }
}

async function logInMeanwhile(world: World): Promise<string> {
  try {
    const { reply } = await world.logIn({ account: 0 })
    return `accepted (${reply.status})`
  } catch (error) {
    if (error instanceof LoginFailed) return `failed (${error.message})`
    throw error
  }
}

/** The time until every node honours sessions again, or says that they ended. Undefined if that takes too long. */
async function awaitReturn(
  world: World,
  visitors: readonly Visitor[],
  withinSeconds: number,
): Promise<number | undefined> {
  const startedMs = performance.now()
  while (performance.now() - startedMs < withinSeconds * 1000) {
    const seen = await Promise.all(visitors.map((visitor) => visitor.copy().whoAmI()))
    const areBack = seen.every(({ standing }) => standing !== 'failed')
    // Each of these met one node, and another one may not have found the store again.
    if (areBack && !(await standingsAfter(world, visitors.slice(0, 1))).includes('failed'))
      return performance.now() - startedMs
    await sleep(LOOK_MS)
  }
  return undefined
}

async function standingsAfter(world: World, visitors: readonly Visitor[]): Promise<string[]> {
  const after: string[] = []
  for (const visitor of visitors) await world.askEveryNode(visitor, 1, ({ standing }) => void after.push(standing))
  return after
}

interface Observed {
  store: Store
  seen: readonly Seen[]
  login: string
  cleared: number
  back: number | undefined
  after: readonly string[]
}

function judge({ store, seen, login, cleared, back, after }: Observed): Pick<Finding, 'verdict' | 'concluded'> {
  const { answerSeconds, backSeconds } = store
  const signedOut = seen.filter(({ standing }) => standing === 'signed out').length
  const late = seen.filter(({ ms }) => ms > answerSeconds * 1000).length
  const wrong = [
    ...(signedOut > 0 ? [`${signedOut} responses said that the user is signed out`] : []),
    ...(cleared > 0 ? [`${cleared} responses cleared or replaced the session cookie`] : []),
    ...(late > 0 ? [`${late} requests got no response within ${answerSeconds} s`] : []),
    ...(back === undefined ? [`the application did not work again within ${backSeconds} s`] : []),
    ...(back !== undefined && after.includes('failed') ? ['afterwards requests failed'] : []),
    ...(after.includes('signed out') ? ['afterwards users were signed out'] : []),
    ...(after.includes('another user') ? ['afterwards a session was that of another user'] : []),
  ]
  if (wrong.length > 0) return { verdict: 'FAIL', concluded: `${upperFirst(wrong.join('; '))}.` }
  if (seen.every(({ standing }) => standing === 'honoured') && login.startsWith('accepted'))
    return { verdict: 'NOT JUDGED', concluded: 'Nothing failed, so the command seems to have taken nothing away.' }
  return { verdict: 'PASS', concluded: 'Nobody was signed out, nothing hung, and the sessions were there afterwards.' }
}

const upperFirst = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
