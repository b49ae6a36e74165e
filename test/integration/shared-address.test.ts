import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { logIn } from '../support/http.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { newAccount, startTestNode } from '../support/test-node.ts'

// Many clients share one address. nginx then forwards `unknown`. Without a proxy, it is the loopback address.
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
  const logInAs = async (typed: string, as = username, address?: string) => {
    const headers: Record<string, string> = address === undefined ? {} : { 'X-Forwarded-For': address }
    return (await logIn(node.url, { username: as, password: typed }, headers)).status
  }
  return { logInAs, password }
}

for (const { what, hops, address } of [
  { what: 'an address unknown to the proxy', hops: 1, address: 'unknown' },
  { what: 'a proxy that sends no address', hops: 1, address: undefined },
  { what: 'the loopback address', hops: 0, address: undefined },
]) {
  test(`from ${what}, failures with many accounts lock no user out, and guesses at one account are throttled`, async (t) => {
    const { logInAs, password } = await startNode(t, `shared-${hops}-${address ?? 'none'}`, hops)
    for (let name = 0; name < 4 * MOST_FAILURES_OF_AN_ADDRESS; name++) {
      assert.equal(await logInAs('guess', `fuzzed-${hops}-${address ?? 'none'}-${name}`, address), 401)
      if (name % MOST_FAILURES_OF_AN_ADDRESS === 0) assert.equal(await logInAs(password, undefined, address), 200)
    }
    assert.equal(await logInAs(password, undefined, address), 200)
    for (let guess = 0; guess < 5; guess++) assert.equal(await logInAs(`guess ${guess}`, undefined, address), 401)
    assert.equal(await logInAs(password, undefined, address), 429)
  })
}

test('a client cannot claim a shared address: the address from the proxy counts', async (t) => {
  const { logInAs } = await startNode(t, 'claims', 1)
  const statuses: number[] = []
  for (let name = 0; name < 8; name++) statuses.push(await logInAs('guess', `claimed-${name}`, 'unknown, 192.0.2.77'))
  assert.deepEqual(statuses, [...Array(MOST_FAILURES_OF_AN_ADDRESS).fill(401), 429, 429])
})
