import type { TestContext } from 'node:test'
import type { ThrottleOptions } from 'app/users/login-throttle'
import { logIn } from './http.ts'
import type { TestRedis } from './redis-server.ts'
import { newAccount, startTestNode } from './test-node.ts'

let addresses = 0

/** Two nodes that share failure counts, and an account and an address that no other test uses. */
export async function twoNodes(
  t: TestContext,
  redis: Pick<TestRedis, 'url'>,
  username: string,
  throttle: Partial<ThrottleOptions> = {},
) {
  const { account, password } = await newAccount(username)
  const standard = { maxFailures: 5, maxFailuresPerAddress: 100_000, windowSeconds: 900 }
  const given = { accounts: [account], throttle: { ...standard, ...throttle }, trustProxyHops: 1 }
  const address = `192.0.2.${++addresses}`
  const nodes = [
    await startTestNode(redis.url, { name: 'left', ...given }),
    await startTestNode(redis.url, { name: 'right', ...given }),
  ]
  t.after(() => Promise.all(nodes.map((node) => node.stop())))
  let turn = 0
  return {
    /** Logs in at the nodes alternately. */
    logInAs: (typed: string, as = username) => {
      const url = nodes[turn++ % nodes.length]?.url ?? ''
      return logIn(url, { username: as, password: typed }, { 'X-Forwarded-For': address })
    },
    password,
  }
}
