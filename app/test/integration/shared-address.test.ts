import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { post } from '../lib/http.ts'
import { startTestRedis, type TestRedis } from '../lib/redis-server.ts'
import { newAccount, startTestNode } from '../lib/test-node.ts'

// One address for many clients: nginx then passes on `unknown`. Where there is no proxy, it is the loopback address.
let redis: TestRedis

before(async () => {
  redis = await startTestRedis()
})
after(() => redis.stop())

const MOST_FAILURES_OF_AN_ADDRESS = 6

async function startNode(t: TestContext, username: string, trustProxyHops: number) {
  const { account, password } = await newAccount(username)
  const throttle = { maxFailures: 5, maxFailuresPerAddress: MOST_FAILURES_OF_AN_ADDRESS, windowSeconds: 900 }
  const node = await startTestNode(redis.url, { name: 'left', accounts: [account], throttle, trustProxyHops })
  t.after(() => node.stop())
  const logIn = async (typed: string, as = username, address?: string) => {
    const headers: Record<string, string> = address === undefined ? {} : { 'X-Forwarded-For': address }
    return (await post(node.url, '/auth/login', { username: as, password: typed }, headers)).status
  }
  return { logIn, password }
}

for (const { what, hops, address } of [
  { what: 'an address that the proxy cannot tell', hops: 1, address: 'unknown' },
  { what: 'a proxy that says nothing', hops: 1, address: undefined },
  { what: 'the loopback address', hops: 0, address: undefined },
]) {
  test(`from ${what}, failures with many accounts lock nobody out, and guesses at one account are throttled`, async (t) => {
    const { logIn, password } = await startNode(t, `shared-${hops}-${address ?? 'none'}`, hops)
    for (let name = 0; name < 4 * MOST_FAILURES_OF_AN_ADDRESS; name++) {
      assert.equal(await logIn('guess', `fuzzed-${hops}-${address ?? 'none'}-${name}`, address), 401)
      if (name % MOST_FAILURES_OF_AN_ADDRESS === 0) assert.equal(await logIn(password, undefined, address), 200)
    }
    assert.equal(await logIn(password, undefined, address), 200)
    for (let guess = 0; guess < 5; guess++) assert.equal(await logIn(`guess ${guess}`, undefined, address), 401)
    assert.equal(await logIn(password, undefined, address), 429)
  })
}

test('no client can claim that its address is shared: what the proxy has added counts', async (t) => {
  const { logIn } = await startNode(t, 'claims', 1)
  const statuses: number[] = []
  for (let name = 0; name < 8; name++) statuses.push(await logIn('guess', `claimed-${name}`, 'unknown, 192.0.2.77'))
  assert.deepEqual(statuses, [...Array(MOST_FAILURES_OF_AN_ADDRESS).fill(401), 429, 429])
})
