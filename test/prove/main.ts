// Proves without k6 that every node accepts every node's sessions: make prove URL=http://localhost:8080

import { judge } from 'loadtest/lib/judge'
import { describe, renderMatrix } from 'loadtest/lib/matrix-text'
import { z } from 'zod'
import { createProgress } from '../support/progress.ts'
import { prove } from '../support/proof.ts'

const url = process.argv[2] ?? 'http://localhost:8080'
const STOPPED = new Error('stopped')

// The proof ends its sessions before the process exits.
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort(STOPPED))

try {
  const minPerCell = readMinimum(process.env.MIN_PER_CELL || '5')
  const accounts = readAccounts(process.env.TEST_ACCOUNTS)
  const nodes = await nodesThatTakePart()
  const proof = await createProgress()(
    `Ask ${nodes.length} nodes for the sessions of all`,
    () => prove({ url, nodes, minPerCell, signal: stop.signal, ...(accounts ? { accounts } : {}) }),
    (found) => (judge(found).length === 0 ? 'proved' : 'NOT PROVED'),
  )
  console.log(`\nSessions honoured at ${url}\n\n${renderMatrix(proof.matrix)}\n\n${describe(proof.matrix)}`)
  console.log(
    `Rejected after logout: ${proof.logout.map(({ node, rejectedAfter }) => `${node} ${rejectedAfter}`).join(', ')}\n`,
  )
  const reasons = judge(proof)
  console.log(reasons.length === 0 ? 'PROVED' : `NOT PROVED\n  ${reasons.join('\n  ')}`)
  process.exitCode = reasons.length === 0 ? 0 : 1
} catch (error) {
  const cause =
    error instanceof Error && error.cause instanceof Error ? ` (${error.cause.message || error.cause.name})` : ''
  console.error(`Nothing was proved at ${url}: ${error instanceof Error ? error.message : error}${cause}`)
  if (error !== STOPPED) console.error('Is the stack up? make ps')
  process.exitCode = 1
}

function readMinimum(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new Error('MIN_PER_CELL must be a whole number above 0')
  return value
}

/** The accounts to log in to, as deploy/test-accounts prints them. Without any, the demo accounts are used. */
function readAccounts(json: string | undefined) {
  if (!json) return undefined
  const schema = z.array(z.object({ username: z.string(), password: z.string() })).min(1)
  try {
    return schema.parse(JSON.parse(json))
  } catch {
    // The invalid value may contain a password.
    throw new Error('TEST_ACCOUNTS must be a list as deploy/test-accounts prints it')
  }
}

/** The nodes that must take part: those in NODE_NAMES, or all that share the Redis. */
async function nodesThatTakePart(): Promise<string[]> {
  const told = (process.env.NODE_NAMES ?? '').split(',').filter((name) => name !== '')
  if (told.length > 0) return [...new Set(told)]
  const response = await fetch(new URL('/api/cluster', url), { signal: AbortSignal.timeout(5_000) })
  const cluster = z.object({ nodes: z.array(z.object({ name: z.string() })).min(1) }).safeParse(await response.json())
  if (!cluster.success) throw new Error(`/api/cluster returned ${response.status} and names no node`)
  return [...new Set(cluster.data.nodes.map(({ name }) => name))]
}
