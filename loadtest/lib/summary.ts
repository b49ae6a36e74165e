import { type Counted, emptyLogoutCount } from './judge.ts'
import { emptyMatrix, type Matrix } from './matrix.ts'
import type { Finding, ProofReport } from './report-page.ts'

/** What k6 hands to handleSummary, as far as it is used here. */
export interface Summary {
  metrics: Record<string, Metric | undefined>
  root_group: { checks: { name: string; passes: number; fails: number }[] }
  state: { testRunDurationMs: number }
}
interface Metric {
  values: Record<string, number | undefined>
  thresholds?: Record<string, { ok: boolean }>
}

/** What a script does, and so must have counted. */
export type Part = 'matrix' | 'logout' | 'load'

/** What the run was told, as far as it is judged. */
export interface Settings {
  nodes: string[]
  minPerCell: number
  requestsPerSecond: number
  loadSeconds: number
  p95Ms: number
}

/** How many requests of the load must have been answered well: a run in which nothing happened shows nothing. */
export const loadNeeded = ({ requestsPerSecond, loadSeconds }: Settings) =>
  Math.max(1, Math.floor(0.9 * requestsPerSecond * loadSeconds))

/** Reads what a run counted. A counter that k6 never met counts 0, in a part that the script has. */
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
            ...{ honoured: count('load_honoured'), refused: count('load_refused') },
            ...{ needed: loadNeeded(settings), p95Ms, p95LimitMs: settings.p95Ms },
          },
        }
      : {}),
  }
}

const READS_UNDER_LOAD = 'http_req_duration{scenario:load,name:user}'
/** What no node of the run's own has done: nodes that nobody named, or answers that name none. */
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
    return { createdOn, servedBy, honoured: count(`session_honoured${cell}`), refused: count(`session_refused${cell}`) }
  })
  const refused = count('session_refused') - sum(matrix.map((cell) => cell.refused))
  if (refused > 0) matrix.push({ createdOn: 'any node', servedBy: STRANGER, honoured: 0, refused })
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

/** All thresholds of k6, what was missed first. */
export function readFindings({ metrics }: Summary): Finding[] {
  const findings = Object.entries(metrics).flatMap(([metric, found]) =>
    Object.entries(found?.thresholds ?? {})
      .filter(([condition]) => condition !== COUNTED_ONLY)
      .map(([condition, { ok }]) => ({ metric, condition, ok })),
  )
  // k6 has no order of its own: what was missed first, then by name.
  return findings.sort((a, b) => Number(a.ok) - Number(b.ok) || (a.metric < b.metric ? -1 : 1))
}

/** Always true: k6 counts by tags only where a threshold asks, and the judge wants the number. */
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
