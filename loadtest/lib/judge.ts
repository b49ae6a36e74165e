import type { Matrix } from './matrix.ts'

/** A statement that a run repeated, and how often it held. */
export interface Check {
  name: string
  passed: number
  failed: number
}

/** One node and a copy of one cookie: how often the node accepted it, before the logout and after. */
export interface LogoutCount {
  node: string
  /** Before the logout. Without an accepted copy, a rejected one proves nothing. */
  acceptedBefore: number
  rejectedBefore: number
  /** After the logout. Rejected means 401, and nothing else. */
  acceptedAfter: number
  rejectedAfter: number
}

export interface LoadCount {
  honoured: number
  refused: number
  /** How many honoured requests the run needs. */
  needed: number
  /** Undefined where nothing was measured. */
  p95Ms: number | undefined
  p95LimitMs: number
}

/** What a run counted. A part that the run was not meant to do is absent; one that it did not get to has counts of 0. */
export interface Counted {
  /** The nodes that must take part. */
  nodes: readonly string[]
  /** How often each pair, and each node after the logout, must be seen. */
  minPerCell: number
  checks: readonly Check[]
  matrix?: Matrix
  logout?: readonly LogoutCount[]
  load?: LoadCount
  /** The load of `make chaos`: sessions that were honoured, and sessions that were lost. */
  faults?: { honoured: number; lost: number }
  /** What else was missed, in words: thresholds of k6. */
  missed?: readonly string[]
}

/** The one judge, of k6 and of `make prove`: why the run proves nothing, in words. Empty: proved. */
export function judge(counted: Counted): string[] {
  const { nodes, minPerCell, checks, matrix, logout, load, faults, missed = [] } = counted
  const reasons: string[] = []
  if (!matrix && !logout && !load && !faults) reasons.push('nothing was counted')
  if (matrix || logout) {
    if (!isCount(minPerCell)) reasons.push('MIN_PER_CELL is not a whole number above 0')
    if (nodes.length < 2)
      reasons.push(
        `${nodes.length} node${nodes.length === 1 ? '' : 's'} only: nothing crossed from one node to another`,
      )
  }
  if (matrix) reasons.push(...unproved(matrix, minPerCell, nodes))
  if (logout) reasons.push(...unprovedLogout(logout, minPerCell, nodes))
  if (load) reasons.push(...unprovedLoad(load))
  if (faults) {
    if (faults.lost > 0) reasons.push(`${faults.lost} requests found their session lost`)
    if (faults.honoured < 1) reasons.push('no request had its session honoured, so none could be lost')
  }
  for (const { name, passed, failed } of checks) {
    if (failed > 0 || passed < 1) reasons.push(`check "${name}": passed ${passed} of ${passed + failed}`)
  }
  return [...reasons, ...missed]
}

/** What the matrix does not show. Every pair of `nodes` is needed; without them, every pair that the matrix has. */
export function unproved(matrix: Matrix, minimum: number, nodes: readonly string[] = []): string[] {
  const pairs = nodes.flatMap((createdOn) => nodes.map((servedBy) => ({ createdOn, servedBy })))
  const missing = pairs
    .filter((pair) => !matrix.some((cell) => cell.createdOn === pair.createdOn && cell.servedBy === pair.servedBy))
    .map((pair) => ({ ...pair, honoured: 0, refused: 0 }))
  return [...matrix, ...missing].flatMap(({ createdOn, servedBy, honoured, refused }) => {
    const pair = `created on ${createdOn}, served by ${servedBy}`
    if (refused > 0) return [`${pair}: refused ${refused} times`]
    return atLeast(honoured, minimum) ? [] : [`${pair}: seen ${honoured} times, at least ${minimum} are needed`]
  })
}

/** The same for the copied cookie: accepted by every node before the logout, and by none after it. */
export function unprovedLogout(
  counts: readonly LogoutCount[],
  minimum: number,
  nodes: readonly string[] = [],
): string[] {
  const missing = nodes.filter((node) => !counts.some((count) => count.node === node)).map(emptyLogoutCount)
  return [...counts, ...missing].flatMap((count) => {
    const { node, acceptedBefore, rejectedBefore, acceptedAfter, rejectedAfter } = count
    const reasons: string[] = []
    if (rejectedBefore > 0 || acceptedBefore < 1) {
      const asked = acceptedBefore + rejectedBefore
      reasons.push(`before the logout, ${node} accepted the copied cookie ${acceptedBefore} of ${asked} times`)
    }
    if (acceptedAfter > 0) reasons.push(`after the logout, ${node} did not reject the cookie ${acceptedAfter} times`)
    else if (!atLeast(rejectedAfter, minimum)) {
      reasons.push(
        `after the logout, ${node} rejected the cookie ${rejectedAfter} times, at least ${minimum} are needed`,
      )
    }
    return reasons
  })
}

export const emptyLogoutCount = (node: string): LogoutCount => ({
  ...{ node, acceptedBefore: 0, rejectedBefore: 0 },
  ...{ acceptedAfter: 0, rejectedAfter: 0 },
})

function unprovedLoad({ honoured, refused, needed, p95Ms, p95LimitMs }: LoadCount): string[] {
  const reasons: string[] = []
  if (refused > 0) reasons.push(`under load ${refused} requests did not have their session honoured`)
  if (!atLeast(honoured, needed))
    reasons.push(`under load ${honoured} sessions were honoured, at least ${needed} are needed`)
  if (p95Ms === undefined) reasons.push('under load the time to answer was not measured')
  else if (!(p95Ms < p95LimitMs))
    reasons.push(`under load 95 of 100 answers took up to ${p95Ms.toFixed(1)} ms, not under ${p95LimitMs}`)
  return reasons
}

const isCount = (value: number) => Number.isInteger(value) && value >= 1

/** False for a minimum that is none: 0, NaN and the like are reached by nothing, and so prove nothing. */
const atLeast = (count: number, minimum: number) => isCount(minimum) && count >= minimum
