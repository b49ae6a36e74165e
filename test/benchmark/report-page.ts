import { mkdir, writeFile } from 'node:fs/promises'
import { STYLE, text } from '../../loadtest/lib/report-style.ts'
import { TOP } from '../lib/command.ts'
import { bars, CHART_STYLE, legend, lines, number } from './chart.ts'
import type { Bar, BenchReport, Spread } from './report.ts'
import { OURS, PARTS, RIVAL, TIERS, type Tier } from './tier.ts'

/** Writes bench.html and bench.json beside the other reports, and gives the path of the page. */
export async function writeReport(report: BenchReport): Promise<string> {
  const folder = `${TOP}/loadtest/report`
  await mkdir(folder, { recursive: true })
  await writeFile(`${folder}/bench.json`, `${JSON.stringify(report, null, 2)}\n`)
  await writeFile(`${folder}/bench.html`, renderHtml(report))
  return 'loadtest/report/bench.html'
}

const spread = ({ median, least, most }: Spread) => `${number(median)} (${number(least)} to ${number(most)})`
const withUnit = (value: number, unit: string) => `${number(value)}${unit === '' ? '' : ` ${unit}`}`
const steps = (size: number) => size.toLocaleString('en')
/** What stands above the floor, of the three that have sessions. */
const WITH_SESSIONS = TIERS.filter(({ name }) => name !== 'floor')

const sentence = ({ isKept, what, found, limit, bound, unit }: Bar) =>
  `${isKept ? 'kept  ' : 'MISSED'}  ${what}: ${withUnit(found, unit)} (${limit} ${withUnit(bound, unit)})`

/** The report for the terminal: medians, with the least and the most. */
export function renderText(report: BenchReport): string {
  const row = ({ name, title }: Tier) => [
    title,
    spread(report.cpuMicros[name].all),
    name === 'floor' ? '' : spread(report.sessionCost[name]),
    spread(report.throughput[name]),
    spread(report.latencyMs[name].p95),
    spread(report.roundTrips[name]),
  ]
  const head = ['', 'CPU a request, µs', 'session cost, µs', 'at most, requests/s', 'p95, ms', 'Redis round trips']
  const table = [head, ...TIERS.map(row)]
  const widths = head.map((_, column) => Math.max(...table.map((cells) => cells[column]?.length ?? 0)))
  const drawn = table.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('   ')
      .trimEnd(),
  )
  return [...drawn, '', ...report.bars.map(sentence)].join('\n')
}

const OWN_STYLE = `
  table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
  th, td { text-align: left; padding: .45rem .75rem .45rem 0; border-bottom: 1px solid var(--line); } thead th { font-weight: 550; color: var(--dim); } tbody th { font-weight: 600; }
`

/** A page that needs nothing but itself. */
function renderHtml(report: BenchReport): string {
  const missed = report.bars.filter(({ isKept }) => !isKept).length
  const verdict = missed === 0 ? 'Every bar is kept.' : `${missed} of ${report.bars.length} bars are missed.`
  const { revocation, memory } = report
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>What a session costs</title>
<style>${STYLE}${CHART_STYLE}${OWN_STYLE}</style>
<h1>What a session costs</h1>
<p class="verdict ${missed === 0 ? 'good' : 'no'}">${verdict}</p>
<p class="dim">${text(report.load)}, on ${text(report.machine)}, finished ${text(report.finishedAt)}. Medians; in brackets the least and the most of the rounds.</p>

<h2>Processor time a request, in microseconds</h2>
${legend(['nodes', 'Redis', 'nginx'].map((name, place) => ({ name, colour: place + 1 })))}
${bars(TIERS.map(({ name, title }) => ({ name: title, pieces: PARTS.map((part) => report.cpuMicros[name][part].median), says: spread(report.cpuMicros[name].all) })))}

<h2>Session cost: what of it is above no session, in microseconds</h2>
${bars(WITH_SESSIONS.map(({ name, title }) => ({ name: title, pieces: [report.sessionCost[name].median], says: `${spread(report.sessionCost[name])}, ${number(100 * report.costOfRivals[name].median)} %` })))}

<h2>As fast as it goes, in requests a second</h2>
${bars(TIERS.map(({ name, title }) => ({ name: title, pieces: [report.throughput[name].median], says: spread(report.throughput[name]) })))}

<h2>Time to answer, and what Redis has to do</h2>
<div class="scroll"><table><thead><tr><th scope="col"></th><th scope="col">p50, ms</th><th scope="col">p95, ms</th><th scope="col">p99, ms</th><th scope="col">Redis round trips a request</th><th scope="col">bytes appended a request</th></tr></thead><tbody>
${TIERS.map(({ name, title }) => `<tr><th scope="row">${text(title)}</th>${[report.latencyMs[name].p50, report.latencyMs[name].p95, report.latencyMs[name].p99, report.roundTrips[name], report.appendedBytes[name]].map((cell) => `<td>${spread(cell)}</td>`).join('')}</tr>`).join('\n')}
</tbody></table></div>

${report.growthCost.length === 0 ? '' : growthChart(report)}
<h2>Memory a session in Redis, in bytes</h2>
<p class="dim">With ${memory.sessionsPerUser} sessions a user. The list that a user has is in it; the rival has none. With one session a user: ${number(memory.oneEach.bytes)}.</p>
${lines(
  [
    {
      name: OURS.title,
      colour: TIERS.indexOf(OURS),
      points: memory.ours.map(({ size, bytes }) => ({ x: size, y: bytes })),
    },
    {
      name: RIVAL.title,
      colour: TIERS.indexOf(RIVAL),
      points: memory.rivals.map(({ size, bytes }) => ({ x: size, y: bytes })),
    },
  ],
  'bytes',
  steps,
)}

<h2>Time of one operation while there are so many sessions, in milliseconds</h2>
${lines(
  ['login', 'list', 'revoke'].map((operation, place) => ({
    name: operation,
    colour: place + 1,
    points: memory.operations.filter((one) => one.operation === operation).map(({ size, ms }) => ({ x: size, y: ms })),
  })),
  'milliseconds',
  steps,
)}

<h2>From the end of a session until every other node refuses it, with SESSION_CACHE=on</h2>
<p>${steps(revocation.trials)} trials under load, half of them logouts and half revocations: p50 ${number(revocation.untilRefusedMs.p50)} ms, p99 ${number(revocation.untilRefusedMs.p99)} ms, at most ${number(revocation.untilRefusedMs.max)} ms. ${steps(revocation.honouredAfter)} times a node still honoured what had ended.</p>

<h2>Bars</h2>
<table><tbody>${report.bars.map((bar) => `<tr><td class="${bar.isKept ? 'good' : 'no'}">${bar.isKept ? 'kept' : 'MISSED'}</td><th scope="row">${text(bar.what)}</th><td>${text(withUnit(bar.found, bar.unit))}</td><td class="dim">${bar.limit} ${text(withUnit(bar.bound, bar.unit))}</td></tr>`).join('\n')}</tbody></table>
</html>
`
}

function growthChart({ growthCost }: BenchReport): string {
  const series = WITH_SESSIONS.map((tier) => ({
    name: tier.title,
    colour: TIERS.indexOf(tier),
    points: growthCost.map(({ nodes, cost }) => ({ x: nodes, y: cost[tier.name].median })),
  }))
  return `<h2>Session cost with more nodes, in microseconds</h2>
${lines(series, 'microseconds', (nodes) => `${nodes} ${nodes === 1 ? 'node' : 'nodes'}`)}
`
}
