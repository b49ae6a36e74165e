import { emptyMatrix, findCell, type Matrix, stateOf } from '../../app/page/shared/matrix.ts'

/** A check that a run repeated, and how often it passed. */
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
  rejected: number
  /** The number of accepted requests that the run needs. */
  needed: number
  /** Undefined if nothing was measured. */
  p95Ms: number | undefined
  p95LimitMs: number
}

/** The counts of a run. A part that the run does not include is absent. A part that it did not reach has counts of 0. */
export interface Counted {
  /** The nodes that must take part. */
  nodes: readonly string[]
  /** The required number of requests for each pair, and for each node after the logout. */
  minPerCell: number
  checks: readonly Check[]
  matrix?: Matrix
  logout?: readonly LogoutCount[]
  load?: LoadCount
  /** The load of `make chaos`: requests with an accepted and with a lost session. */
  faults?: { honoured: number; lost: number }
  /** Descriptions of other failures: thresholds of k6. */
  missed?: readonly string[]
}

/** Whether a response accepts this user's session. A session with another creating node is a different one. */
export const isHonoured = (answer: Identity, expected: { username: string; createdOn?: string }) =>
  answer.status === 200 &&
  answer.username === expected.username &&
  (expected.createdOn === undefined || answer.createdOn === expected.createdOn)

interface Identity {
  status: number
  username: string | undefined
  createdOn: string | undefined
}

/** Judges the runs of k6 and of `make prove`. Returns the reasons why a run is not proved. Empty: proved. */
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

/** The missing or failed pairs of the matrix. Every pair of `nodes` is required; without them, every pair in the matrix. */
export function unproved(matrix: Matrix, minimum: number, nodes: readonly string[] = []): string[] {
  const missing = emptyMatrix(nodes).filter(({ createdOn, servedBy }) => !findCell(matrix, createdOn, servedBy))
  return [...matrix, ...missing].flatMap((cell) => {
    const { createdOn, servedBy, honoured, rejected } = cell
    const pair = `created on ${createdOn}, served by ${servedBy}`
    if (stateOf(cell) === 'rejected') return [`${pair}: rejected ${rejected} times`]
    return atLeast(honoured, minimum) ? [] : [`${pair}: seen ${honoured} times, at least ${minimum} are needed`]
  })
}

/** The same for the copied cookie: every node must accept it before the logout, and none after it. */
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

function unprovedLoad({ honoured, rejected, needed, p95Ms, p95LimitMs }: LoadCount): string[] {
  const reasons: string[] = []
  if (rejected > 0) reasons.push(`under load ${rejected} requests did not have their session honoured`)
  if (!atLeast(honoured, needed))
    reasons.push(`under load ${honoured} sessions were honoured, at least ${needed} are needed`)
  if (p95Ms === undefined) reasons.push('under load the response time was not measured')
  else if (!(p95Ms < p95LimitMs))
    reasons.push(`under load 95 of 100 responses took up to ${p95Ms.toFixed(1)} ms, not under ${p95LimitMs}`)
  return reasons
}

const isCount = (value: number) => Number.isInteger(value) && value >= 1

/** False for an invalid minimum such as 0 or NaN, because it would prove nothing. */
const atLeast = (count: number, minimum: number) => isCount(minimum) && count >= minimum
