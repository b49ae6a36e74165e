import { emptyMatrix, type Matrix } from '../../app/page/shared/matrix.ts'
import { type Counted, emptyLogoutCount } from './judge.ts'
import type { Finding, ProofReport } from './report-page.ts'

/** The part of handleSummary's argument that is used here. */
export interface Summary {
  metrics: Record<string, Metric | undefined>
  root_group: { checks: { name: string; passes: number; fails: number }[] }
  state: { testRunDurationMs: number }
}
interface Metric {
  values: Record<string, number | undefined>
  thresholds?: Record<string, { ok: boolean }>
}

/** The parts of a script, each of which must have counted something. */
export type Part = 'matrix' | 'logout' | 'load'

/** The settings of the run that are judged. */
export interface Settings {
  nodes: string[]
  minPerCell: number
  requestsPerSecond: number
  loadSeconds: number
  p95Ms: number
}

/** The required number of successful requests of the load. A run without requests proves nothing. */
export const loadNeeded = ({ requestsPerSecond, loadSeconds }: Settings) =>
  Math.max(1, Math.floor(0.9 * requestsPerSecond * loadSeconds))

/** Reads the counts of a run. A missing counter counts 0 in a part that the script includes. */
export function readCounted(summary: Summary, settings: Settings, parts: readonly Part[]): Counted {
  const { nodes, minPerCell } = settings
  const count = counterOf(summary)
  const p95Ms = summary.metrics[READS_UNDER_LOAD]?.values['p(95)']
  return {
    nodes,
    minPerCell,
    checks: summary.root_group.checks.map(({ name, passes, fails }) => ({ name, passed: passes, failed: fails })),
    missed: missedThresholds(summary),
    ...(parts.includes('matrix') ? { matrix: readMatrix(summary, nodes) } : {}),
    ...(parts.includes('logout') ? { logout: readLogout(summary, nodes) } : {}),
    ...(parts.includes('load')
      ? {
          load: {
            ...{ honoured: count('load_honoured'), rejected: count('load_rejected') },
            ...{ needed: loadNeeded(settings), p95Ms, p95LimitMs: settings.p95Ms },
          },
        }
      : {}),
  }
}

const READS_UNDER_LOAD = 'http_req_duration{scenario:load,name:user}'
/** The counts of nodes not in NODE_NAMES, and of responses that name no node. */
const STRANGER = 'a node that was not named'

const counterOf =
  ({ metrics }: Summary) =>
  (name: string) =>
    metrics[name]?.values.count ?? 0

const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0)

function readMatrix(summary: Summary, nodes: readonly string[]): Matrix {
  const count = counterOf(summary)
  const matrix = emptyMatrix(nodes).map(({ createdOn, servedBy }) => {
    const cell = `{created_on:${createdOn},served_by:${servedBy}}`
    return {
      createdOn,
      servedBy,
      honoured: count(`session_honoured${cell}`),
      rejected: count(`session_rejected${cell}`),
    }
  })
  const rejected = count('session_rejected') - sum(matrix.map((cell) => cell.rejected))
  if (rejected > 0) matrix.push({ createdOn: 'any node', servedBy: STRANGER, honoured: 0, rejected })
  return matrix
}

function readLogout(summary: Summary, nodes: readonly string[]) {
  const count = counterOf(summary)
  const counts = nodes.map((node) => {
    const of = (name: string) => count(`${name}{served_by:${node}}`)
    return {
      node,
      acceptedBefore: of('copy_accepted_before'),
      rejectedBefore: of('copy_rejected_before'),
      acceptedAfter: of('copy_accepted_after'),
      rejectedAfter: of('copy_rejected_after'),
    }
  })
  const acceptedAfter = count('copy_accepted_after') - sum(counts.map((one) => one.acceptedAfter))
  if (acceptedAfter > 0) counts.push({ ...emptyLogoutCount(STRANGER), acceptedBefore: acceptedAfter, acceptedAfter })
  return counts
}

/** All thresholds of k6, failed ones first. */
export function readFindings({ metrics }: Summary): Finding[] {
  const findings = Object.entries(metrics).flatMap(([metric, found]) =>
    Object.entries(found?.thresholds ?? {})
      .filter(([condition]) => condition !== COUNTED_ONLY)
      .map(([condition, { ok }]) => ({ metric, condition, ok })),
  )
  // k6 has no defined order. Failed thresholds come first, then by name.
  return findings.sort((a, b) => Number(a.ok) - Number(b.ok) || (a.metric < b.metric ? -1 : 1))
}

/** Always passes. k6 counts by tag only with a threshold, and the judge needs the number. */
export const COUNTED_ONLY = 'count>=0'

function missedThresholds(summary: Summary): string[] {
  const findings = readFindings(summary)
  return findings.filter(({ ok }) => !ok).map(({ metric, condition }) => `${metric}: ${condition}`)
}

export function readLatency({ metrics }: Summary): ProofReport['latency'] {
  const { values } = metrics[READS_UNDER_LOAD] ?? metrics.http_req_duration ?? { values: {} }
  const points = ['min', 'med', 'avg', 'p(90)', 'p(95)', 'max']
  return points.map((point) => ({ point, ms: values[point] ?? 0 }))
}
