// Browsers, a thief and a logout, each a client of the real session store, on a Redis that does one command at a time.
import { createHash } from 'node:crypto'
import type { SessionStore } from '../../src/sessions/session-store.ts'
import type { World } from './explore.ts'
import { type BrokenRule, createModelRedis } from './model-redis.ts'
import { createRotationJudge, type Request } from './rotation-judge.ts'
import { aUser, storeOn } from './stores.ts'

export interface Scenario {
  /** How many requests each tab of the user's browser sends, one after the other. All tabs have one cookie. */
  tabs: number[]
  /** How many requests a thief sends, who copied the first token and takes every new one. */
  thief?: number
  /** Its requests may take longer than the grace. */
  isThiefSlow?: boolean
  /** How many requests somebody sends who copied the first token and goes on using it. */
  replays?: number
  /** How many logouts the browser sends, with the cookie that it has. */
  logouts?: number
  /** How many answers may be lost. */
  losses?: number
  /** How many nodes may die in the middle of a request. */
  crashes?: number
  /** How often the time passes that makes a token due for rotation, and ends a grace. */
  times?: number
  /** The idle timeout; no session expires unless it is given. */
  ttlSeconds?: number
  /** Whether nodes remember what they have renewed. */
  remembers?: boolean
  broken?: BrokenRule | 'a token that comes back has no consequence'
}

interface Cookie {
  token: string
}

interface Client {
  name: string
  cookie: Cookie
  left: number
  isLogout: boolean
  /** A copy of the cookie: the answer does not change it. */
  isReplay: boolean
  /** Requests that take longer than the grace are not those of a browser. */
  isPatient: boolean
  request: Request | undefined
  /** Its last command was a write. */
  hasWritten: boolean
  /** What its request has seen so far, and with it what its node knows. */
  seen: string
}

export const GRACE_SECONDS = 10
const GRACE_MS = GRACE_SECONDS * 1000

export async function createRotationWorld(scenario: Scenario): Promise<World> {
  const broken = scenario.broken === 'a token that comes back has no consequence' ? undefined : scenario.broken
  const redis = createModelRedis({ graceMs: GRACE_MS, ...(broken && { broken }) })
  const ttlSeconds = scenario.ttlSeconds ?? 100_000
  const options = {
    ttlSeconds,
    absoluteSeconds: 1_000_000,
    rotateSeconds: GRACE_SECONDS,
    rotateGraceSeconds: GRACE_SECONDS,
    renewSeconds: scenario.remembers ? 1_000 : 0,
  }
  const stores = new Map<string, SessionStore>()
  const storeOf = (node: string) => {
    const store = stores.get(node) ?? storeOn(redis.connect(node), options)
    stores.set(node, store)
    return store
  }

  const left = { losses: scenario.losses ?? 0, crashes: scenario.crashes ?? 0, times: scenario.times ?? 0 }

  const { token } = await settle('login', () => storeOf('login').setSession(aUser('ada')))
  const given = new Set([token])
  const loggedInMs = redis.now()
  redis.passTime(GRACE_MS)
  const jar: Cookie = { token }
  const client = (name: string, leftRequests: number, parts: Partial<Client> = {}): Client => ({
    ...{ name, cookie: jar, left: leftRequests, isLogout: false, isReplay: false, isPatient: false },
    ...{ request: undefined, hasWritten: false, seen: '', ...parts },
  })
  const clients = [
    ...scenario.tabs.map((count, place) => client(`tab ${place + 1}`, count)),
    client('logout', scenario.logouts ?? 0, { isLogout: true }),
    client('thief', scenario.thief ?? 0, { cookie: { token }, isPatient: scenario.isThiefSlow ?? false }),
    client('replay', scenario.replays ?? 0, { cookie: { token }, isReplay: true }),
  ].filter((one) => one.left > 0)
  const isLogoutSent = () => clients.some((one) => one.isLogout && one.left < (scenario.logouts ?? 0))
  const times = { loggedInMs, graceMs: GRACE_MS, ttlMs: ttlSeconds * 1000 }
  const judge = createRotationJudge({ now: redis.now, ...times, isLogoutSent })

  /** As require-session.ts does it. */
  async function ask(store: SessionStore, presented: string) {
    const session = await store.getSession(presented)
    if (session) {
      const rotation = session.isRotationDue ? await store.rotateSession(presented) : undefined
      return { isHonoured: true, next: rotation?.token }
    }
    if (scenario.broken !== 'a token that comes back has no consequence') await store.endReused(presented)
    return { isHonoured: false }
  }

  function start(one: Client): void {
    const request = judge.sent(one.cookie.token)
    one.left--
    one.request = request
    const store = storeOf(one.name)
    const answer = one.isLogout
      ? store.deleteSession(request.token).then(() => 'logged out' as const)
      : ask(store, request.token)
    void answer.then((result) => {
      // A node that has died answers nothing.
      if (one.request !== request) return
      judge.answered(request, result)
      if (typeof result === 'object' && result.next !== undefined) given.add(result.next)
      else finish(one)
    })
  }

  function finish(one: Client): void {
    one.request = undefined
    one.hasWritten = false
    if (!scenario.remembers) one.seen = ''
  }

  /** Without other events in between. */
  async function settle<T>(node: string, act: () => Promise<T>): Promise<T> {
    const acting = act()
    let isDone = false
    const ending = acting.finally(() => {
      isDone = true
    })
    while (!isDone) {
      if (redis.waiting(node)) redis.step(node)
      await Promise.resolve()
    }
    return ending
  }

  const happenings: Record<string, (one: Client) => void> = {
    send: start,
    step(one) {
      one.hasWritten = redis.waiting(one.name) !== 'get'
      one.seen = hash(one.seen + redis.step(one.name))
    },
    answer(one) {
      const next = typeof one.request?.answer === 'object' ? one.request.answer.next : undefined
      if (next !== undefined && !one.isReplay) one.cookie.token = next
      finish(one)
    },
    lose(one) {
      left.losses--
      finish(one)
    },
    crash(one) {
      left.crashes--
      redis.drop(one.name)
      stores.delete(one.name)
      one.seen = ''
      if (one.request) one.request.answeredMs = redis.now()
      finish(one)
    },
  }

  return {
    events() {
      // It writes a key that no other client knows yet, so its place in the order is of no matter.
      const alone = clients.find(({ name }) => redis.waiting(name) === 'set')
      if (alone) return [`step ${alone.name}`]
      const events = clients.flatMap((one) => {
        const { name, request } = one
        if (!request) return one.left > 0 ? [`send ${name}`] : []
        if (request.answer) return [`answer ${name}`, ...(left.losses > 0 && !one.isReplay ? [`lose ${name}`] : [])]
        // Before its next write, a node that dies after a read leaves the same as one that dies now.
        const canCrash = left.crashes > 0 && one.hasWritten
        return redis.waiting(name) ? [`step ${name}`, ...(canCrash ? [`crash ${name}`] : [])] : []
      })
      const isHurried = clients.some(({ request, isPatient }) => request && !isPatient)
      return [...events, ...(left.times > 0 && !isHurried ? ['time passes'] : [])]
    },
    happen(event) {
      if (event === 'time passes') {
        left.times--
        redis.passTime(GRACE_MS)
        return
      }
      const [what = '', ...words] = event.split(' ')
      const one = clients.find(({ name }) => name === words.join(' '))
      if (one) happenings[what]?.(one)
    },
    state() {
      const seen = clients.map((one) => [one.name, one.cookie.token, one.left, one.seen, one.request])
      return hash(JSON.stringify([redis.dump(), seen, left, judge.state()]))
    },
    fault: judge.fault,
    async faultAtEnd() {
      // The grace of whatever was used last is over as well.
      redis.passTime(GRACE_MS)
      const honoured: string[] = []
      for (const one of given) if (await settle('end', () => storeOf('end').peekSession(one))) honoured.push(one)
      return judge.faultAtEnd(honoured, jar.token)
    },
  }
}

const hash = (text: string) => createHash('sha1').update(text).digest('base64')
