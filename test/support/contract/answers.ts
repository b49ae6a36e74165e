import assert from 'node:assert/strict'
import { send } from '../http.ts'
import type { ContractNode } from './two-nodes.ts'

export const JSON_TYPE = { 'Content-Type': 'application/json' }

export const get = (node: ContractNode, path: string, cookie = '') => send(node.url, path, { cookie })

/** The fields of all responses. A test that reads a missing one fails on undefined. */
interface Body {
  user: { username: string; displayName: string }
  session: { id: string; createdOn: string }
  sessions: { id: string; current: boolean }[]
  nodes: { name: string; uptimeSeconds: number; requests: number; redisMs: number }[]
  node: string
  servedBy: string
  status: number
  title: string
  detail: string
}

export const read = async (response: Response) => (await response.json()) as Body

export async function assertProblem(response: Response, status: number): Promise<void> {
  assert.equal(response.status, status)
  assert.match(response.headers.get('Content-Type') ?? '', /^application\/problem\+json/)
  const problem = await read(response)
  assert.equal(problem.status, status)
  assert.ok(problem.title.length > 0 && problem.detail.length > 0)
}
