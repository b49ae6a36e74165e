import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { cookieOf, getUser, post } from '../lib/http.ts'
import { type Program, runNode } from '../lib/program.ts'
import { startTestRedis, type TestRedis } from '../lib/redis-server.ts'
import { until } from '../lib/until.ts'

// 7.3.1 and 7.3.2 by Redis's clock: three nodes, one with the right time, one ten minutes ahead, one ten minutes behind.
const SECONDS = { ttl: 2, absolute: 6, rotate: 1 }
const CLOCK_OFF = new URL('../lib/clock-off.js', import.meta.url).href
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
        REDIS_URL: redis.url,
        NODE_NAME: String(name),
        NODE_OPTIONS: `--import=${CLOCK_OFF}`,
        CLOCK_OFF_MS: String(offMs),
        SESSION_TTL_SECONDS: String(SECONDS.ttl),
        SESSION_ABSOLUTE_SECONDS: String(SECONDS.absolute),
        SESSION_ROTATE: String(SECONDS.rotate),
        SESSION_ROTATE_GRACE: '1',
      })
      const { port, time } = await program.line(({ msg }) => msg === 'Listening')
      const isOffMs = Date.parse(String(time)) - Date.now()
      assert.ok(Math.abs(isOffMs - Number(offMs)) < 5_000, `the clock of ${name} is off by ${isOffMs} ms`)
      return { name: String(name), url: `http://127.0.0.1:${port}`, program }
    }),
  )
})
after(async () => {
  for (const { program } of nodes) program.signal('SIGKILL')
  await redis.stop()
})

async function logInOn(url: string): Promise<string> {
  return cookieOf(await post(url, '/auth/login', { username: 'ada', password: 'analytical-engine' }))
}

// They mostly wait, each for a session of its own.
describe('with clocks ten minutes apart', { concurrency: true }, () => {
  for (const place of [0, 1, 2]) {
    test(`a session of node ${['right', 'ahead', 'behind'][place]} lasts as long as any other, used on whichever node`, async () => {
      const startedAt = Date.now()
      let cookie = await logInOn(nodes[place]?.url ?? '')
      const ttlMs = await redis.inspector.pTTL(`session:${cookie.slice(4)}`)
      assert.ok(ttlMs > SECONDS.ttl * 1000 - 500 && ttlMs <= SECONDS.ttl * 1000)

      // In use it goes on, past the idle timeout and under new tokens, up to the absolute end and no further.
      const tokens = new Set([cookie])
      let turn = 0
      await until('the absolute end is there', async () => {
        const response = await getUser(nodes[turn++ % nodes.length]?.url ?? '', cookie)
        const lastedMs = Date.now() - startedAt
        if (response.status === 401) {
          assert.ok(Math.abs(lastedMs - SECONDS.absolute * 1000) < 500, `it lasted ${lastedMs} ms`)
          return true
        }
        const { session } = (await response.json()) as { session: { createdAt: string; expiresAt: string } }
        assert.ok(Math.abs(Date.parse(session.createdAt) - startedAt) < 500, 'a time of the wrong clock is told')
        assert.ok(Date.parse(session.expiresAt) - Date.now() <= SECONDS.ttl * 1000)
        cookie = cookieOf(response) || cookie
        tokens.add(cookie)
        return false
      })
      assert.ok(tokens.size >= 4, `${tokens.size} tokens in ${SECONDS.absolute} s`)
    })
  }

  test('a session that is not used ends at the idle timeout, also for the node whose clock is behind', async () => {
    const startedAt = Date.now()
    const cookie = await logInOn(nodes[2]?.url ?? '')
    await until('it has ended', async () => (await redis.inspector.exists(`session:${cookie.slice(4)}`)) === 0)
    assert.ok(Math.abs(Date.now() - startedAt - SECONDS.ttl * 1000) < 500)
    for (const { url } of nodes) assert.equal((await getUser(url, cookie)).status, 401)
  })
})
