// What a session takes of Redis's memory, and how long a login, a list and a revocation take while there are more and more
// sessions: real ones, made by the store itself, and as many of the rival. Prints what it found as JSON.
import { randomBytes } from 'node:crypto'
import { RedisStore } from 'connect-redis'
import session from 'express-session'
import { createClient } from 'redis'
import { createSessionStore } from '../../src/utils/redis-session.ts'
import { AGENT, connect, forEachOf, log, percentile, redisAddress, sessionOptions } from './near-redis.ts'
import { cookieOptions, factsOf } from './rival-data.ts'

const sizes = (process.env.SIZES || '1000 10000 100000 1000000').split(' ').map(Number)
/** Each user's index is a key of its own; with more sessions in each it costs less. */
const SESSIONS_PER_USER = 4
const AT_ONCE = 500
const SAMPLES = 500

const redis = await connect()
const sessions = createSessionStore(redis, sessionOptions, log)
const client = createClient({ url: `redis://${redisAddress}` })
await client.connect()
const rival = new RedisStore({ client })

async function usedBytes(): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await client.info('memory'))?.[1])
}

const userOf = (n: number, perUser = SESSIONS_PER_USER) => ({
  username: `user-${Math.floor(n / perUser)}`,
  displayName: 'Ada Lovelace',
})
const loginOf = (n: number) => ({ address: `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`, agent: AGENT })

const makeOurs = (perUser: number) => async (n: number) => {
  await sessions.setSession(userOf(n, perUser), loginOf(n))
}

async function makeRivals(n: number): Promise<void> {
  const facts = factsOf({ user: userOf(n), node: 'app-1', ...loginOf(n) }, sessionOptions.absoluteSeconds)
  const cookie = Object.assign(new session.Cookie(), cookieOptions(sessionOptions.ttlSeconds))
  // An id of 24 random bytes, as express-session makes them.
  await rival.set(randomBytes(24).toString('base64url'), { cookie, ...facts })
}

/** Bytes a session takes with so many of them, for each size; `atSize` is called when there are so many. */
async function fill(
  sizes: readonly number[],
  make: (n: number) => Promise<void>,
  atSize: (size: number) => Promise<void> = async () => {},
) {
  await client.flushAll()
  const empty = await usedBytes()
  const found: { size: number; bytes: number }[] = []
  let made = 0
  for (const size of sizes) {
    await forEachOf(size - made, AT_ONCE, (n) => make(made + n))
    made = size
    found.push({ size, bytes: ((await usedBytes()) - empty) / size })
    await atSize(size)
  }
  return found
}

const operations: { size: number; operation: string; ms: number }[] = []

/** One after the other, so that nothing waits for anything but Redis; each time with another user's sessions. */
async function timeOperations(size: number): Promise<void> {
  const times = { login: [] as number[], list: [] as number[], revoke: [] as number[] }
  const timed = async <T>(into: number[], work: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now()
    const answer = await work()
    into.push(performance.now() - startedAt)
    return answer
  }
  for (let sample = 0; sample < SAMPLES; sample++) {
    const user = userOf(Math.floor((sample * size) / SAMPLES))
    const login = await timed(times.login, () => sessions.setSession(user, loginOf(sample)))
    await timed(times.list, () => sessions.listSessions(user.username))
    await timed(times.revoke, () => sessions.revokeSession(user.username, login.session.id))
  }
  for (const [operation, all] of Object.entries(times)) operations.push({ size, operation, ms: percentile(all, 0.5) })
}

const ours = await fill(sizes, makeOurs(SESSIONS_PER_USER), timeOperations)
const rivals = await fill(sizes, makeRivals)
/** The index at its dearest. */
const [oneEach] = await fill([Math.min(100_000, sizes.at(-1) ?? 0)], makeOurs(1))
console.log(JSON.stringify({ sessionsPerUser: SESSIONS_PER_USER, ours, rivals, oneEach, operations }))
await client.close()
await redis.close()
