import { renderTable } from 'loadtest/lib/table'
import type { Bar } from './bars.ts'
import { number } from './chart.ts'
import type { Noise, Spread, Summary } from './found.ts'
import { USERS } from './load.ts'
import { MOST_NOISE_PERCENT } from './noise.ts'
import type { BenchReport } from './report.ts'
import { ALIKE, FLOOR, type SessionTier, type Tier, WHOLE } from './tier.ts'

export const spread = ({ median, least, most }: Spread) => `${number(median)} (${number(least)} to ${number(most)})`
export const withUnit = (value: number, unit: string) => `${number(value)}${unit === '' ? '' : ` ${unit}`}`
export const percent = (share: number) => `${number(100 * share)} %`

export const WHOLE_TITLE = 'A request, everything on: logs, security headers, metrics'
/** The load of that figure. */
export const SATURATED = `saturated by ${USERS} users`
export const SESSION_TITLE = 'The session alone: the same logs, headers and metrics for all'
export const QUICK_NOTE = 'This is a quick run: fewer rounds and nodes, and fewer sessions. Its figures are coarse.'

/** Renders the report for the terminal: medians with minimum and maximum. */
export function renderText(report: BenchReport): string {
  return [
    ...(report.isQuick ? [QUICK_NOTE, ''] : []),
    ...[`${WHOLE_TITLE} (${SATURATED})`, '', wholeTable(report), ''],
    ...[`${SESSION_TITLE} (at a fixed rate)`, '', sessionTable(report), ''],
    ...otherFigures(report),
    '',
    ...verdict(report),
  ].join('\n')
}

function wholeTable({ saturatedCpuMicros, ofBare, throughput, saturatedP99Ms }: Summary): string {
  const head = ['', 'CPU a request, µs', 'of the bare rival’s', 'requests/s', 'p99, ms']
  const row = ({ name, title }: Tier) => [
    title,
    spread(saturatedCpuMicros[name].all),
    percent(ofBare[name].cpu.median),
    spread(throughput[name]),
    spread(saturatedP99Ms[name]),
  ]
  return renderTable([head, ...WHOLE.map(row)])
}

function sessionTable({ cpuMicros, sessionCost, costOfRivals, latencyMs, roundTrips }: Summary): string {
  const head = ['', 'CPU a request, µs', 'session cost, µs', 'of the rival’s', 'p95, ms', 'Redis round trips']
  const row = (tier: SessionTier) => {
    const { name, title } = tier
    const cost = tier === FLOOR ? ['', ''] : [spread(sessionCost[name]), percent(costOfRivals[name].median)]
    return [title, spread(cpuMicros[name].all), ...cost, spread(latencyMs[name].p95), spread(roundTrips[name])]
  }
  return renderTable([head, ...ALIKE.map(row)])
}

/** Sentences for the figures that have no table. */
export function otherFigures({ loginMs, rest, restPercent, generator, generatorShare }: Summary): string[] {
  const { app, redis, nginx } = rest.percent
  return [
    `A login takes ${spread(loginMs.beside)} ms of processor time beside the password hash, which takes ${number(loginMs.hash.median)} ms.`,
    `At rest the whole stack takes ${number(restPercent)} % of one core: nodes ${number(app)}, Redis ${number(redis)}, nginx ${number(nginx)}.`,
    `${generator} took ${percent(generatorShare.atRate.median)} of the machine at the fixed rate, and ${percent(generatorShare.saturated.median)} when the stacks were saturated.`,
  ]
}

export const noiseSentence = ({ beforeMicros, afterMicros, apartPercent }: Noise) =>
  `Bare Express without sessions took ${number(beforeMicros)} µs a request at the beginning and ${number(afterMicros)} µs at the end: ${number(apartPercent)} % apart`

export const TOO_NOISY = 'The machine was too noisy to judge'

function verdict({ noise, bars }: BenchReport): string[] {
  if (noise.isQuiet) return [`${noiseSentence(noise)}.`, ...bars.map((bar) => `${word(bar)}  ${sentence(bar)}`)]
  return [
    `${TOO_NOISY}. ${noiseSentence(noise)}, at most ${MOST_NOISE_PERCENT} % is believed.`,
    'Run it again when the machine does nothing else. The figures were:',
    ...bars.map((bar) => `      ${sentence(bar)}`),
  ]
}

export const word = ({ isKept }: Bar) => (isKept ? 'pass' : 'FAIL')

const sentence = ({ what, found, limit, bound, unit }: Bar) =>
  `${what}: ${withUnit(found, unit)} (${limit} ${withUnit(bound, unit)})`
