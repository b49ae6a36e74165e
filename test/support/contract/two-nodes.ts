import type { SessionOptions } from 'app/sessions/session-store'
import { logIn } from '../http.ts'
import { startTestRedis } from '../redis-server.ts'
import { newAccount, startTestNode, type TestNode } from '../test-node.ts'

/** The users of the contract. */
export const PEOPLE = ['ann', 'ben', 'cleo', 'dan', 'eve'] as const
export type Person = (typeof PEOPLE)[number]

/** A node as the contract sees it. */
export type ContractNode = Pick<TestNode, 'name' | 'url'>

/** What the contract is about: two nodes on one Redis, with accounts of a few users, wherever they run. */
export interface TwoNodes {
  left: ContractNode
  right: ContractNode
  redis: {
    /** The keys that match a pattern. */
    keys(pattern: string): Promise<string[]>
    /** Starts to record every command, as MONITOR prints it. */
    watch(): Promise<{ soFar(): Promise<string[]>; stop(): void }>
    kill(): Promise<void>
    start(): Promise<void>
  }
  /** The user as the application shows it. */
  userOf(person: Person): { username: string; displayName: string }
  logInAs(node: ContractNode, person: Person, headers?: Record<string, string>): Promise<Response>
  stop(): Promise<void>
}

/** Two nodes in this process. */
export async function startTwoNodes(session: Partial<SessionOptions>, cacheEntries: number): Promise<TwoNodes> {
  const redis = await startTestRedis()
  const created = await Promise.all(PEOPLE.map(newAccount))
  const accounts = created.map(({ account }) => account)
  const passwords = new Map(created.map(({ account, password }) => [account.username, password]))
  const left = await startTestNode(redis.address, { name: 'left', accounts, session, cacheEntries })
  const right = await startTestNode(redis.address, { name: 'right', accounts, session, cacheEntries })
  return {
    redis: { ...redis, keys: (pattern) => redis.inspector.keys(pattern) },
    left,
    right,
    userOf: (person) => ({ username: person, displayName: person.toUpperCase() }),
    logInAs: (node, person, headers = {}) =>
      logIn(node.url, { username: person, password: passwords.get(person) ?? '' }, headers),
    async stop(): Promise<void> {
      await left.stop()
      await right.stop()
      await redis.stop()
    },
  }
}
