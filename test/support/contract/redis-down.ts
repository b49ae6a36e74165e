import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cookieOf, send } from '../http.ts'
import { within } from '../stopwatch.ts'
import { until } from '../until.ts'
import { assertProblem, get } from './answers.ts'
import type { TwoNodes } from './two-nodes.ts'

/** How the nodes answer without Redis. */
export function declareRedisDown(pair: () => TwoNodes): void {
  test('while Redis is down, a request is 503 with Retry-After within a second; the cookie and the session remain', async () => {
    const { redis, left, right, logInAs } = pair()
    const cookie = cookieOf(await logInAs(left, 'ann'))
    await redis.kill()
    try {
      for (const ask of [
        () => get(left, '/api/user', cookie),
        () => logInAs(left, 'ann'),
        () => send(left.url, '/auth/logout', { method: 'POST', cookie }),
      ]) {
        const response = await within(1_000, 'a request without Redis', ask)
        assert.match(response.headers.get('Retry-After') ?? '', /^[1-9]\d*$/)
        assert.deepEqual(response.headers.getSetCookie(), [])
        await assertProblem(response, 503)
      }
      await assertProblem(await get(left, '/readyz'), 503)
      assert.equal((await get(left, '/livez')).status, 200)
      assert.equal((await get(left, '/')).status, 200)
      // Requests without a valid token shape are answered as usual: they need no Redis.
      await assertProblem(await get(left, '/api/user', 'sid=short'), 401)
    } finally {
      await redis.start()
    }
    await until('the session is accepted again', async () => (await get(left, '/api/user', cookie)).status === 200)
    await until('both nodes are ready', async () => (await get(left, '/readyz')).ok && (await get(right, '/readyz')).ok)
  })
}
