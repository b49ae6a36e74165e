import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cookieOf, getUser, logIn } from '../support/http.ts'
import { type Program, runNode } from '../support/program.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { environmentOf } from '../support/test-node.ts'
import { until } from '../support/until.ts'

// 7.3.1 and 7.3.2 by Redis's clock, on three nodes: one with the correct time, one ten minutes ahead, one ten behind.
const SECONDS = { ttl: 4, absolute: 12, rotate: 2 }
const CLOCK_OFF = new URL('../support/clock-off.js', import.meta.url).href
const TEN_MINUTES_MS = 600_000

let redis: TestRedis
let nodes: { name: string; url: string; program: Program }[]

before(async () => {
  redis = await startTestRedis()
  nodes = await Promise.all(
    [
      ['right', 0],
      ['ahead', TEN_MINUTES_MS],
      ['behind', -TEN_MINUTES_MS],
    ].map(async ([name, offMs]) => {
      const program = runNode('server', {
        ...environmentOf(redis.address),
        NODE_NAME: String(name),
        NODE_OPTIONS: `--import=${CLOCK_OFF}`,
        // These tests judge no time without Redis.
        REDIS_DEADLINE_MS: '2000',
        CLOCK_OFF_MS: String(offMs),
        SESSION_TTL_SECONDS: String(SECONDS.ttl),
        SESSION_ABSOLUTE_SECONDS: String(SECONDS.absolute),
        SESSION_ROTATE: String(SECONDS.rotate),
        SESSION_ROTATE_GRACE: '1',
      })
      const { port, time } = await program.line(({ msg }) => msg === 'Listening')
      const isOffMs = Date.parse(String(time)) - Date.now()
      assert.ok(Math.abs(isOffMs - Number(offMs)) < 5_000, `the clock of ${name} is off by ${isOffMs} ms`)
      const url = `http://127.0.0.1:${port}`
      // In a cluster, a node listens when it has tried each primary once.
      await until('the node is ready', async () => (await fetch(`${url}/readyz`)).ok)
      // Its first login also loads the program that checks passwords, which takes from the time of the session.
      await logInOn(url)
      return { name: String(name), url, program }
    }),
  )
})
after(async () => {
  for (const { program } of nodes) program.signal('SIGKILL')
  await redis.stop()
})

async function logInOn(url: string): Promise<string> {
  return cookieOf(await logIn(url))
}

// These tests mostly wait, each with its own session.
describe('with clocks ten minutes apart', { concurrency: true }, () => {
  for (const place of [0, 1, 2]) {
    test(`a session of node ${['right', 'ahead', 'behind'][place]} expires at the same age as any other, used on any node`, async () => {
      const startedAt = Date.now()
      let cookie = await logInOn(nodes[place]?.url ?? '')
      const loggedInAt = Date.now()
      const ttlMs = await redis.inspector.pTTL(`session:${cookie.slice(4)}`)
      assert.ok(ttlMs > SECONDS.ttl * 1000 - 500 - (Date.now() - startedAt) && ttlMs <= SECONDS.ttl * 1000)

      // A session in use continues past the idle timeout and under new tokens, until the absolute timeout.
      const tokens = new Set([cookie])
      let turn = 0
      await until('the session is expired', async () => {
        const honouredMs = Date.now() - loggedInAt
        const response = await getUser(nodes[turn++ % nodes.length]?.url ?? '', cookie)
        if (response.status === 401) {
          const lastedMs = Date.now() - startedAt
          assert.ok(lastedMs > SECONDS.absolute * 1000 - 500, `it lasted ${lastedMs} ms`)
          return true
        }
        assert.ok(honouredMs < SECONDS.absolute * 1000 + 500, `a node honoured it after ${honouredMs} ms`)
        const { session } = (await response.json()) as { session: { createdAt: string; expiresAt: string } }
        const createdAt = Date.parse(session.createdAt)
        assert.ok(
          createdAt > startedAt - 500 && createdAt < loggedInAt + 500,
          'a node reported a time of the wrong clock',
        )
        assert.ok(Date.parse(session.expiresAt) - Date.now() <= SECONDS.ttl * 1000)
        cookie = cookieOf(response) || cookie
        tokens.add(cookie)
        return false
      })
      assert.ok(tokens.size >= 4, `${tokens.size} tokens in ${SECONDS.absolute} s`)
    })
  }

  test('an unused session expires at the idle timeout, also on the node whose clock is behind', async () => {
    const startedAt = Date.now()
    const cookie = await logInOn(nodes[2]?.url ?? '')
    const loggedInAt = Date.now()
    let keptMs = 0
    await until('the session is expired', async () => {
      const askedMs = Date.now() - loggedInAt
      if ((await redis.inspector.exists(`session:${cookie.slice(4)}`)) === 0) return true
      keptMs = askedMs
      return false
    })
    assert.ok(Date.now() - startedAt > SECONDS.ttl * 1000 - 500)
    assert.ok(keptMs < SECONDS.ttl * 1000 + 500, `Redis kept it for ${keptMs} ms`)
    for (const { url } of nodes) assert.equal((await getUser(url, cookie)).status, 401)
  })
})
