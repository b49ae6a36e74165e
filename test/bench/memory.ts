// Measures the memory of a session in Redis, and the time of a login, a list and a revocation with a growing number of
// sessions. The store itself creates them, and the rival as many. Prints the results as JSON.

import { randomBytes } from 'node:crypto'
import { createSessionStore } from 'app/utils/redis-session'
import { RedisStore } from 'connect-redis'
import session from 'express-session'
import { createClient } from 'redis'
import { percentile } from '../support/percentile.ts'
import { forEachOf } from './for-each-of.ts'
import { AGENT, connect, log, redisAddress, sessionOptions } from './near-redis.ts'
import { cookieOptions, factsOf } from './rival-data.ts'

const sizes = (process.env.SIZES || '1000 10000 100000 1000000').split(' ').map(Number)
/** Each user's index is a separate key. It costs less per session with more sessions in it. */
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

const makeRivals = (perUser: number) => async (n: number) => {
  const facts = factsOf({ user: userOf(n, perUser), node: 'app-1', ...loginOf(n) }, sessionOptions.absoluteSeconds)
  const cookie = Object.assign(new session.Cookie(), cookieOptions(sessionOptions.ttlSeconds))
  // An id of 24 random bytes, like express-session.
  await rival.set(randomBytes(24).toString('base64url'), { cookie, ...facts })
}

/** The bytes per session at each size. Calls `atSize` at each size. */
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

/** Runs the operations one after the other, so each waits for Redis only, and each with another user's sessions. */
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
const rivals = await fill(sizes, makeRivals(SESSIONS_PER_USER))
/** The most expensive index. */
const size = Math.min(100_000, sizes.at(-1) ?? 0)
const bytesOf = async (make: (n: number) => Promise<void>) => (await fill([size], make))[0]?.bytes
const oneEach = { size, ours: await bytesOf(makeOurs(1)), rivals: await bytesOf(makeRivals(1)) }
console.log(JSON.stringify({ sessionsPerUser: SESSIONS_PER_USER, ours, rivals, oneEach, operations }))
await client.close()
await redis.close()
