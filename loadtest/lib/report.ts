import { describe, emptyMatrix, type Matrix, renderTable, unproved } from './matrix.ts'
import { type Finding, type ProofReport, renderHtml } from './report-page.ts'
import { settings } from './settings.ts'

/** What k6 hands to handleSummary, as far as it is used here. */
interface Summary {
  metrics: Record<string, Metric | undefined>
  root_group: { checks: { name: string; passes: number; fails: number }[] }
  state: { testRunDurationMs: number }
}
interface Metric {
  values: Record<string, number | undefined>
  thresholds?: Record<string, { ok: boolean }>
}

/**
 * Makes the handleSummary of a script: the table and what was not proved to the terminal, and a page and a JSON file of
 * that name to the report folder. It replaces k6's own summary, whose usual stand-in would be fetched from the network.
 */
export function report(name: string) {
  return (summary: Summary): Record<string, string> => {
    const matrix = readMatrix(summary)
    const result: ProofReport = {
      name,
      url: settings.baseUrl,
      nodes: settings.nodes,
      minPerCell: settings.minPerCell,
      finishedAt: new Date().toISOString(),
      seconds: summary.state.testRunDurationMs / 1000,
      matrix,
      checks: summary.root_group.checks.map((check) => ({
        name: check.name,
        passed: check.passes,
        failed: check.fails,
      })),
      findings: readFindings(summary),
      latency: readLatency(summary),
      requests: summary.metrics.http_reqs?.values.count ?? 0,
    }
    return {
      stdout: terminalText(result),
      [`${settings.reportFolder}/${name}.html`]: renderHtml(result),
      [`${settings.reportFolder}/${name}.json`]: `${JSON.stringify(result, null, 2)}\n`,
    }
  }
}

function readMatrix({ metrics }: Summary): Matrix {
  // Scripts without the matrix have no such counters, and their report no table.
  if (!metrics.session_honoured) return []
  const count = (name: string) => metrics[name]?.values.count ?? 0
  return emptyMatrix(settings.nodes).map(({ createdOn, servedBy }) => {
    const cell = `{created_on:${createdOn},served_by:${servedBy}}`
    return { createdOn, servedBy, honoured: count(`session_honoured${cell}`), refused: count(`session_refused${cell}`) }
  })
}

function readFindings({ metrics }: Summary): Finding[] {
  const findings = Object.entries(metrics).flatMap(([metric, found]) =>
    Object.entries(found?.thresholds ?? {})
      .filter(([condition]) => condition !== 'count>=0')
      .map(([condition, { ok }]) => ({ metric, condition, ok })),
  )
  // k6 has no order of its own: what was missed first, then by name.
  return findings.sort((a, b) => Number(a.ok) - Number(b.ok) || (a.metric < b.metric ? -1 : 1))
}

function readLatency({ metrics }: Summary): ProofReport['latency'] {
  const { values } = metrics['http_req_duration{scenario:load,name:user}'] ??
    metrics.http_req_duration ?? { values: {} }
  const points = ['min', 'med', 'avg', 'p(90)', 'p(95)', 'max']
  return points.map((point) => ({ point, ms: values[point] ?? 0 }))
}

function terminalText(result: ProofReport): string {
  const lines: string[] = []
  if (result.matrix.length > 0) {
    lines.push('Sessions honoured', '', renderTable(result.matrix), '', describe(result.matrix), '')
  }
  for (const { name, passed, failed } of result.checks) {
    lines.push(`${failed === 0 ? 'pass' : 'FAIL'}  ${name} (${passed} of ${passed + failed})`)
  }
  const latency = result.latency.map(({ point, ms }) => `${point} ${ms.toFixed(1)} ms`).join(', ')
  lines.push('', `${result.requests} requests in ${result.seconds.toFixed(1)} s: ${latency}`, '')

  const missed = result.findings.filter(({ ok }) => !ok).map(({ metric, condition }) => `${metric}: ${condition}`)
  const notProved = [...unproved(result.matrix, result.minPerCell), ...missed]
  if (notProved.length === 0) lines.push('PROVED')
  else lines.push('NOT PROVED', ...notProved.map((reason) => `  ${reason}`))
  return `\n${lines.join('\n')}\n`
}
