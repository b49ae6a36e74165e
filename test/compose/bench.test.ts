// make bench, as short as it can be: that everything is measured, on real nodes. What comes out of so short a run is no
// figure to go by, so nothing here depends on who is faster.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { before, test } from 'node:test'
import type { BenchReport } from '../benchmark/report.ts'
import { command, type Result, succeed, TOP } from '../lib/command.ts'

const project = `sessions-test-${process.pid}`
const env = {
  COMPOSE_PROJECT_NAME: project,
  ...{ BENCH_ROUNDS: '1', BENCH_SECONDS: '1', BENCH_TURNS: '1', BENCH_RATE: '100', BENCH_NODES: '' },
  ...{ BENCH_TRIALS: '60', BENCH_SIZES: '500 1000', HAVE_K6: '', K6: '' },
}
let run: Result
let report: BenchReport

before(async () => {
  run = await command('make', ['--no-print-directory', 'bench'], env)
  report = JSON.parse(await readFile(`${TOP}/loadtest/report/bench.json`, 'utf8'))
})

const TIERS = ['floor', 'ours', 'cached', 'rival'] as const

test('every way to do sessions is measured: processor time, latency, throughput', () => {
  assert.ok(report.finishedAt > new Date(Date.now() - 300_000).toISOString(), run.output)
  for (const tier of TIERS) {
    for (const part of ['app', 'redis', 'nginx'] as const) assert.ok(report.cpuMicros[tier][part].median > 0)
    assert.ok(report.latencyMs[tier].p50.median <= report.latencyMs[tier].p99.median)
    assert.ok(report.throughput[tier].median > 0)
  }
})

test('a read of ours asks Redis once, one of express-session twice, a cached one hardly ever, and no session never', () => {
  const commandsOf = (tier: (typeof TIERS)[number]) =>
    report.rounds[0]?.find((one) => one.tier === tier)?.commands ?? {}
  assert.deepEqual(commandsOf('floor'), {})
  const [{ get: ours = 0, ...more }, { get: cached = 0 }, rival] = [
    commandsOf('ours'),
    commandsOf('cached'),
    commandsOf('rival'),
  ]
  // In so short a run every session is renewed by every node in between, and what is under way at the end is not counted.
  assert.ok(ours >= 1 && ours < 2.2 && cached < ours, `${ours}, ${cached}`)
  assert.deepEqual(more, {})
  assert.ok(rival.get && rival.get >= 1 && rival.get === rival.expire, JSON.stringify(rival))
  assert.ok(report.appendedBytes.rival.median > 80)
})

test('sessions by the hundred are made, weighed and timed, ours and the rival’s', () => {
  assert.deepEqual(
    report.memory.ours.map(({ size }) => size),
    [500, 1_000],
  )
  for (const { bytes } of [...report.memory.ours, ...report.memory.rivals]) assert.ok(bytes > 300 && bytes < 2_000)
  assert.equal(report.memory.operations.length, 6)
})

test('sessions end under load, and every other node refuses them', () => {
  const { trials, nodes, untilRefusedMs } = report.revocation
  assert.deepEqual({ trials, nodes }, { trials: 60, nodes: 3 })
  assert.ok(untilRefusedMs.p50 > 0 && untilRefusedMs.max < 2_000)
})

test('it says of each bar whether it is kept, ends accordingly, and leaves a page that needs nothing but itself', async () => {
  const isKept = report.bars.every((bar) => bar.isKept)
  assert.equal(run.code === 0, isKept, run.output)
  for (const { what } of report.bars) assert.ok(run.output.includes(what), what)
  const page = await readFile(`${TOP}/loadtest/report/bench.html`, 'utf8')
  assert.doesNotMatch(page, /(src|href)=|@import|url\(/, 'the page loads something')
})

test('nothing of it is left behind', async () => {
  const left = await succeed('docker', [
    'ps',
    '--all',
    '--quiet',
    '--filter',
    `label=com.docker.compose.project=${project}-bench`,
  ])
  assert.equal(left.trim(), '')
})
