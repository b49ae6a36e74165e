// Proves, without k6, that every node honours every node's sessions: make prove URL=http://localhost:8080
import { describe, renderTable, unproved } from '../loadtest/lib/matrix.ts'
import { prove, unprovedLogout } from './lib/proof.ts'

const url = process.argv[2] ?? 'http://localhost:8080'
const minPerCell = Number(process.env.MIN_PER_CELL ?? 5)

try {
  const nodes = await nodesThatAreUp()
  const { matrix, logout } = await prove({ url, nodes, minPerCell })
  console.log(`Sessions honoured at ${url}\n\n${renderTable(matrix)}\n\n${describe(matrix)}`)
  console.log(`Refused after logout: ${logout.map(({ node, refused }) => `${node} ${refused}`).join(', ')}\n`)
  const reasons = [...unproved(matrix, minPerCell), ...unprovedLogout(logout, minPerCell)]
  console.log(reasons.length === 0 ? 'PROVED' : `NOT PROVED\n  ${reasons.join('\n  ')}`)
  process.exitCode = reasons.length === 0 ? 0 : 1
} catch (error) {
  const cause =
    error instanceof Error && error.cause instanceof Error ? ` (${error.cause.message || error.cause.name})` : ''
  console.error(`Nothing was proved at ${url}: ${error instanceof Error ? error.message : error}${cause}`)
  console.error('Is the stack up? make ps')
  process.exitCode = 1
}

/** The nodes that must take part: as told by NODE_NAMES, or all that share the Redis. */
async function nodesThatAreUp(): Promise<string[]> {
  if (process.env.NODE_NAMES) return process.env.NODE_NAMES.split(',')
  const response = await fetch(new URL('/api/cluster', url), { signal: AbortSignal.timeout(5_000) })
  const cluster = (await response.json()) as { nodes?: { name: string }[] }
  if (!cluster.nodes?.length) throw new Error(`/api/cluster was answered with ${response.status} and names no node`)
  return cluster.nodes.map(({ name }) => name)
}
