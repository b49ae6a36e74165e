import type { SessionOptions } from 'app/sessions/session-store'
import { logIn } from '../http.ts'
import { startTestRedis } from '../redis-server.ts'
import { newAccount, startTestNode, type TestNode } from '../test-node.ts'

export type TwoNodes = Awaited<ReturnType<typeof startTwoNodes>>

/** Two nodes on one Redis, with accounts of a few users. */
export async function startTwoNodes(session: Partial<SessionOptions>, cacheEntries: number) {
  const redis = await startTestRedis()
  const accounts = []
  const people: Record<string, string> = {}
  for (const username of ['ann', 'ben', 'cleo', 'dan', 'eve']) {
    const { account, password } = await newAccount(username)
    accounts.push(account)
    people[username] = password
  }
  const left = await startTestNode(redis.address, { name: 'left', accounts, session, cacheEntries })
  const right = await startTestNode(redis.address, { name: 'right', accounts, session, cacheEntries })
  return {
    redis,
    left,
    right,
    logInAs: (node: TestNode, username: string, headers: Record<string, string> = {}): Promise<Response> =>
      logIn(node.url, { username, password: people[username] ?? '' }, headers),
    async stop(): Promise<void> {
      await left.stop()
      await right.stop()
      await redis.stop()
    },
  }
}
