import { judge, type LogoutCount } from './judge.ts'
import { describe, renderMatrix, sums } from './matrix-text.ts'
import { type ProofReport, renderHtml } from './report-page.ts'
import { type Part, readCounted, readFindings, readLatency, type Settings, type Summary } from './summary.ts'

interface Given {
  /** The script's name, and the report's. */
  name: string
  /** The parts of the script. A part that did not run is not proved. */
  parts: readonly Part[]
  settings: Settings & { baseUrl: string; reportFolder: string }
}

/**
 * Creates the handleSummary of a script: prints the table and the verdict, and writes a page and a JSON file of that name to
 * the report folder. It replaces k6's own summary. The usual replacement would be fetched from the network.
 */
export function report({ name, parts, settings }: Given) {
  return (summary: Summary): Record<string, string> => {
    const counted = readCounted(summary, settings, parts)
    const reasons = judge(counted)
    const result: ProofReport = {
      name,
      proved: reasons.length === 0,
      reasons,
      url: settings.baseUrl,
      nodes: settings.nodes,
      minPerCell: settings.minPerCell,
      finishedAt: new Date().toISOString(),
      seconds: summary.state.testRunDurationMs / 1000,
      requests: summary.metrics.http_reqs?.values.count ?? 0,
      matrix: counted.matrix ?? [],
      sums: sums(counted.matrix ?? []),
      logout: [...(counted.logout ?? [])],
      checks: [...counted.checks],
      findings: readFindings(summary),
      latency: readLatency(summary),
    }
    return {
      stdout: terminalText(result),
      [`${settings.reportFolder}/${name}.html`]: renderHtml(result),
      // Indented, because loadtest/run and loadtest/control read single fields by line.
      [`${settings.reportFolder}/${name}.json`]: `${JSON.stringify(result, null, 2)}\n`,
    }
  }
}

function terminalText(result: ProofReport): string {
  const lines: string[] = []
  if (result.matrix.length > 0) {
    lines.push('Sessions honoured', '', renderMatrix(result.matrix), '', describe(result.matrix), '')
  }
  if (result.logout.length > 0) {
    const say = ({ node, rejectedAfter }: LogoutCount) => `${node} ${rejectedAfter}`
    lines.push(`Rejected after logout: ${result.logout.map(say).join(', ')}`, '')
  }
  for (const { name, passed, failed } of result.checks) {
    lines.push(`${failed === 0 ? 'pass' : 'FAIL'}  ${name} (${passed} of ${passed + failed})`)
  }
  const latency = result.latency.map(({ point, ms }) => `${point} ${ms.toFixed(1)} ms`).join(', ')
  lines.push('', `${result.requests} requests in ${result.seconds.toFixed(1)} s: ${latency}`, '')
  lines.push(result.proved ? 'PROVED' : 'NOT PROVED', ...result.reasons.map((reason) => `  ${reason}`))
  return `\n${lines.join('\n')}\n`
}
