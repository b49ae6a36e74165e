// Browsers, a thief and a logout, each a client of the real session store, on a Redis that does one command at a time.
import { createHash } from 'node:crypto'
import type { SessionStore } from '../../src/sessions/session-store.ts'
import type { World } from './explore.ts'
import { type BrokenRule, createModelRedis } from './model-redis.ts'
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

interface Request {
  token: string
  startedMs: number
  /** The session had ended for sure when it was sent. */
  isAfterEnd: boolean
  /** When the answer was there. */
  answeredMs?: number
  answer?: { isHonoured: boolean; next?: string | undefined } | 'logged out'
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

  /** What has been sent with each token, also by requests that were cut off. */
  const requests: Request[] = []
  /** By token, those that an answer has given for it. */
  const successors = new Map<string, Set<string>>()
  const left = { losses: scenario.losses ?? 0, crashes: scenario.crashes ?? 0, times: scenario.times ?? 0 }
  let isEnded = false
  let lastUseMs = redis.now()
  let fault: string | undefined

  const { token } = await settle('login', () => storeOf('login').setSession(aUser('ada')))
  const given = new Set([token])
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
    const request: Request = { token: one.cookie.token, startedMs: redis.now(), isAfterEnd: isEnded }
    one.left--
    one.request = request
    requests.push(request)
    const store = storeOf(one.name)
    const answer = one.isLogout
      ? store.deleteSession(request.token).then(() => 'logged out' as const)
      : ask(store, request.token)
    void answer.then((result) => {
      // A node that has died answers nothing.
      if (one.request !== request) return
      request.answer = result
      request.answeredMs = redis.now()
      judge(request)
      if (typeof result === 'object' && result.next !== undefined) {
        given.add(result.next)
        successors.set(request.token, (successors.get(request.token) ?? new Set()).add(result.next))
      } else finish(one)
    })
  }

  function finish(one: Client): void {
    one.request = undefined
    one.hasWritten = false
    if (!scenario.remembers) one.seen = ''
  }

  function isLater(later: string, earlier: string): boolean {
    return [...(successors.get(earlier) ?? [])].some((next) => next === later || isLater(later, next))
  }

  /** Whether a later token had been used a grace before this moment of this request. */
  const isReuse = (request: Request, atMs: number, used: (one: Request) => number | undefined) =>
    requests.some((one) => isLater(one.token, request.token) && atMs >= (used(one) ?? Infinity) + GRACE_MS)

  /** The answers that there may be: what the store promises. */
  function judge(request: Request): void {
    const { answer, startedMs, isAfterEnd } = request
    const honouredMs = (one: Request) =>
      typeof one.answer === 'object' && one.answer.isHonoured ? one.answeredMs : undefined
    const mustEnd = isReuse(request, startedMs, honouredMs)
    if (answer === 'logged out') {
      isEnded = true
      return
    }
    if (answer?.isHonoured) {
      if (isAfterEnd) fault = 'a session that had ended was honoured'
      if (mustEnd) fault = 'two tokens were honoured after the grace'
      lastUseMs = redis.now()
      return
    }
    // It may have ended by a logout that was begun, by a token that came back, or by the idle timeout.
    const mayHaveEnded =
      isEnded ||
      clients.some((one) => one.isLogout && (one.request || one.left < (scenario.logouts ?? 0))) ||
      requests.some((one) => isReuse(one, one.answeredMs ?? redis.now(), ({ startedMs: usedMs }) => usedMs)) ||
      redis.now() - lastUseMs >= ttlSeconds * 1000
    if (!mayHaveEnded) fault = 'a session that nothing had ended was refused'
    if (mustEnd) isEnded = true
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
      return hash(JSON.stringify([redis.dump(), seen, left, isEnded, lastUseMs, facts()]))
    },
    fault: () => fault,
    async faultAtEnd() {
      // The grace of whatever was used last is over as well.
      redis.passTime(GRACE_MS)
      const honoured: string[] = []
      for (const one of given) if (await settle('end', () => storeOf('end').peekSession(one))) honoured.push(one)
      if (isEnded && honoured.length > 0) return 'a session that had ended was there at the end'
      const mayHaveEnded =
        isEnded ||
        (scenario.logouts ?? 0) > 0 ||
        requests.some((one) => isReuse(one, one.answeredMs ?? redis.now(), ({ startedMs }) => startedMs)) ||
        redis.now() - lastUseMs >= ttlSeconds * 1000
      if (!mayHaveEnded && !honoured.includes(jar.token)) return 'the session was lost at the end'
      const usedToEnd = (one: Request) =>
        typeof one.answer === 'object' && one.answer.isHonoured ? one.answeredMs : undefined
      const both = honoured.find((one) =>
        isReuse({ token: one, startedMs: 0, isAfterEnd: false }, redis.now(), usedToEnd),
      )
      return both === undefined ? undefined : 'two tokens were honoured at the end'
    },
  }

  /** What the judgement of later answers depends on: of each token, when it was used first and last. */
  function facts() {
    const uses = new Map<string, number[]>()
    for (const { token: presented, startedMs, answeredMs, answer } of requests) {
      const [first = Infinity, firstHonoured = Infinity, last = 0] = uses.get(presented) ?? []
      const isHonoured = typeof answer === 'object' && answer.isHonoured
      uses.set(presented, [
        Math.min(first, startedMs),
        isHonoured ? Math.min(firstHonoured, answeredMs ?? Infinity) : firstHonoured,
        Math.max(last, answeredMs ?? 0),
      ])
    }
    return [...uses].sort(([a], [b]) => (a < b ? -1 : 1))
  }
}

const hash = (text: string) => createHash('sha1').update(text).digest('base64')
