import { renderBars } from 'loadtest/lib/bars'
import { type Cell, renderHtmlTable, renderPage, text, verdictCell } from 'loadtest/lib/report-frame'
import type { Bar } from './bars.ts'
import { CHART_STYLE, legend } from './chart.ts'
import type { Summary } from './found.ts'
import type { BenchReport } from './report.ts'
import { growthChart, memoryChart, operationsChart, revocationText } from './report-charts.ts'
import {
  noiseSentence,
  otherFigures,
  percent,
  QUICK_NOTE,
  SATURATED,
  SESSION_TITLE,
  spread,
  TOO_NOISY,
  WHOLE_TITLE,
  withUnit,
  word,
} from './report-text.ts'
import { ALIKE, PARTS, TIERS, type Tier, WHOLE, WITH_SESSIONS } from './tier.ts'

/** Renders the report as a page. */
export function renderHtml(report: BenchReport): string {
  const { load, machine, finishedAt, isQuick, noise } = report
  return renderPage({
    title: 'What a request costs, and its session',
    ...verdictOf(report),
    about: `${isQuick ? `${QUICK_NOTE} ` : ''}${load}, on ${machine}, finished ${finishedAt}. Medians of the rounds, with minimum and maximum in brackets. ${noiseSentence(noise)}.`,
    style: CHART_STYLE,
    sections: [
      ...wholeSections(report),
      ...sessionSections(report),
      `<h2>Login, rest and load</h2>${otherFigures(report)
        .map((sentence) => `<p>${text(sentence)}</p>`)
        .join('\n')}`,
      report.growthCost.length === 0 ? '' : growthChart(report),
      memoryChart(report),
      operationsChart(report),
      revocationText(report),
      '<h2>Thresholds</h2>',
      renderHtmlTable(
        ['', 'Result', 'Measured', 'Threshold'],
        report.bars.map((bar) => thresholdRow(bar, noise.isQuiet)),
      ),
    ],
  })
}

function verdictOf({ noise, bars }: BenchReport) {
  if (!noise.isQuiet) return { result: 'Not judged', verdict: { isGood: false, sentence: `${TOO_NOISY}.` } }
  const failed = bars.filter(({ isKept }) => !isKept).length
  if (failed === 0) return { result: 'Passed', verdict: { isGood: true, sentence: 'Every threshold passes.' } }
  return { result: 'Failed', verdict: { isGood: false, sentence: `${failed} of ${bars.length} thresholds fail.` } }
}

const PARTS_LEGEND = legend(['nodes', 'Redis', 'nginx'].map((name, place) => ({ name, colour: place + 1 })))

const barOfEach = <T extends Tier>(tiers: readonly T[], pieces: (tier: T) => number[], label: (tier: T) => string) =>
  renderBars(tiers.map((tier) => ({ name: tier.title, pieces: pieces(tier), label: label(tier) })))

/** What people compare comes first. */
function wholeSections({ saturatedCpuMicros, ofBare, throughput, saturatedP99Ms }: Summary): string[] {
  return [
    `<h2>${text(WHOLE_TITLE)}</h2>`,
    `<p class="dim">CPU time for each request, in microseconds, ${SATURATED}. The bare rival is a plain Express app with express-session and connect-redis behind a plain nginx, without all of that. A percentage is the share of its figure.</p>`,
    PARTS_LEGEND,
    barOfEach(
      WHOLE,
      ({ name }) => PARTS.map((part) => saturatedCpuMicros[name][part].median),
      ({ name }) => `${spread(saturatedCpuMicros[name].all)}, ${percent(ofBare[name].cpu.median)}`,
    ),
    '<h3>Requests a second then</h3>',
    barOfEach(
      WHOLE,
      ({ name }) => [throughput[name].median],
      ({ name }) => `${spread(throughput[name])}, ${percent(ofBare[name].throughput.median)}`,
    ),
    '<h3>p99 then, in milliseconds</h3>',
    barOfEach(
      WHOLE,
      ({ name }) => [saturatedP99Ms[name].median],
      ({ name }) => `${spread(saturatedP99Ms[name])}, ${percent(ofBare[name].p99.median)}`,
    ),
  ]
}

function sessionSections(report: Summary): string[] {
  const { cpuMicros, sessionCost, costOfRivals, throughput } = report
  return [
    `<h2>${text(SESSION_TITLE)}</h2>`,
    '<p class="dim">CPU time above a request without a session, in microseconds, at a fixed rate. A percentage is the share of express-session’s.</p>',
    barOfEach(
      WITH_SESSIONS,
      ({ name }) => [sessionCost[name].median],
      ({ name }) => `${spread(sessionCost[name])}, ${percent(costOfRivals[name].median)}`,
    ),
    '<h3>CPU time for each request, in microseconds</h3>',
    PARTS_LEGEND,
    barOfEach(
      ALIKE,
      ({ name }) => PARTS.map((part) => cpuMicros[name][part].median),
      ({ name }) => spread(cpuMicros[name].all),
    ),
    '<h3>Highest throughput, in requests a second</h3>',
    barOfEach(
      ALIKE,
      ({ name }) => [throughput[name].median],
      ({ name }) => spread(throughput[name]),
    ),
    '<h2>Response time at the fixed rate, and the work of Redis</h2>',
    workTable(report),
  ]
}

function workTable({ latencyMs, roundTrips, appendedBytes }: Summary): string {
  const head = ['', 'p50, ms', 'p95, ms', 'p99, ms', 'Redis round trips a request', 'bytes appended a request']
  const rows = TIERS.map(({ name, title }): [string, ...Cell[]] => {
    const { p50, p95, p99 } = latencyMs[name]
    return [text(title), ...[p50, p95, p99, roundTrips[name], appendedBytes[name]].map(spread)]
  })
  return renderHtmlTable(head, rows)
}

const thresholdRow = (bar: Bar, isJudged: boolean): [string, ...Cell[]] => [
  text(bar.what),
  isJudged ? verdictCell(bar.isKept, word(bar)) : { html: 'not judged', className: 'dim' },
  text(withUnit(bar.found, bar.unit)),
  { html: text(`${bar.limit} ${withUnit(bar.bound, bar.unit)}`), className: 'dim' },
]
