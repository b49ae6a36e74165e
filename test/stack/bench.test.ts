// The shortest possible make bench QUICK=1, on real nodes. It tests that everything is measured. Its figures mean nothing, so
// no test here depends on which tier is faster.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { before, test } from 'node:test'
import type { BenchReport } from '../bench/report.ts'
import { command, type Result, succeed, TOP } from '../support/command.ts'
import { PATIENT_WITH_REDIS } from '../support/compose-stack.ts'

const project = `sessions-test-${process.pid}`
const env = {
  COMPOSE_PROJECT_NAME: project,
  ...{
    BENCH_ROUNDS: '1',
    BENCH_SECONDS: '2',
    BENCH_SATURATED_MS: '300',
    BENCH_TURNS: '1',
    BENCH_RATE: '50',
    BENCH_NODES: '1',
    // A single 503 would end the run.
    ...PATIENT_WITH_REDIS,
  },
  ...{ BENCH_TRIALS: '60', BENCH_SIZES: '500 1000', BENCH_LOGINS: '1', BENCH_REST_SECONDS: '5', HAVE_K6: '', K6: '' },
}
let run: Result
let report: BenchReport

before(async () => {
  run = await command('make', ['--no-print-directory', 'bench', 'QUICK=1'], env)
  // Without a report, the measurement has failed, and said why.
  const text = await readFile(`${TOP}/loadtest/report/bench.json`, 'utf8').catch(() => assert.fail(run.output))
  report = JSON.parse(text)
})

const TIERS = ['floor', 'ours', 'cached', 'rival', 'bare'] as const
const PARTS = ['app', 'redis', 'nginx'] as const

test('make bench measures processor time, latency and throughput of every tier', () => {
  assert.ok(report.finishedAt > new Date(Date.now() - 300_000).toISOString(), run.output)
  for (const tier of TIERS) {
    for (const part of PARTS) {
      assert.ok(report.cpuMicros[tier][part].median >= 0, `${tier}, ${part}`)
      assert.ok(report.saturatedCpuMicros[tier][part].median >= 0, `${tier}, ${part}`)
    }
    assert.ok(report.cpuMicros[tier].app.median > 0 && report.cpuMicros[tier].nginx.median > 0)
    assert.ok(report.latencyMs[tier].p50.median <= report.latencyMs[tier].p99.median)
    assert.ok(report.throughput[tier].median > 0)
  }
})

test('a read sends Redis one command, with express-session two, with the cache fewer, and without sessions none', () => {
  const commandsOf = (tier: (typeof TIERS)[number]) =>
    report.rounds[0]?.find((one) => one.tier === tier)?.commands ?? {}
  assert.deepEqual(commandsOf('floor'), {})
  const [{ get: ours = 0, ...more }, { get: cached = 0 }] = [commandsOf('ours'), commandsOf('cached')]
  // In a run this short, every node also renews every session, and requests in progress at the end are not counted.
  assert.ok(ours >= 1 && ours < 2.2 && cached < ours, `${ours}, ${cached}`)
  assert.deepEqual(more, {})
  for (const tier of ['rival', 'bare'] as const) {
    const rival = commandsOf(tier)
    assert.ok(rival.get && rival.get >= 1 && rival.get === rival.expire, JSON.stringify(rival))
    assert.ok(report.appendedBytes[tier].median > 70, tier)
  }
})

test('make bench measures the memory and the operations of hundreds of sessions, of this project and of express-session', () => {
  assert.deepEqual(
    report.memory.ours.map(({ size }) => size),
    [500, 1_000],
  )
  const { ours, rivals, oneEach } = report.memory
  for (const bytes of [...[...ours, ...rivals].map((one) => one.bytes), oneEach.ours, oneEach.rivals]) {
    assert.ok(bytes > 300 && bytes < 2_000, `${bytes}`)
  }
  assert.equal(report.memory.operations.length, 6)
})

test('under load, every other node rejects a session that was ended on one node', () => {
  const { trials, nodes, untilRefusedMs } = report.revocation
  assert.deepEqual({ trials, nodes }, { trials: 60, nodes: 2 })
  assert.ok(untilRefusedMs.p50 > 0 && untilRefusedMs.max < 2_000)
})

test('make bench measures the session cost with another number of nodes', () => {
  assert.deepEqual(
    report.growthCost.map(({ nodes }) => nodes),
    [1],
  )
  assert.ok(report.growth[0]?.every(({ nodes, cpuMicros }) => nodes === 1 && cpuMicros.app > 0))
})

test('make bench measures a login without its hash, the stack at rest, and the machine at the beginning and at the end', () => {
  const { logins, rest, yardstick, generatorShare } = report
  assert.ok(logins.every(({ hashMs, besideMs }) => hashMs > 1 && PARTS.every((part) => besideMs[part] > 0)))
  assert.ok(
    PARTS.every((part) => rest.percent[part] > 0),
    JSON.stringify(rest),
  )
  for (const all of [yardstick.before, yardstick.after]) assert.ok(all.every(({ perSecond }) => perSecond > 0))
  assert.ok(generatorShare.saturated.median > 0 && generatorShare.saturated.median < 1)
})

test('make bench reports whether each threshold passes, exits accordingly, and writes a self-contained page', async () => {
  const isKept = report.bars.every((bar) => bar.isKept)
  const status = !report.noise.isQuiet ? 3 : isKept ? 0 : 1
  // make exits with 2 for each failure of a target, and names its status.
  if (status === 0) assert.equal(run.code, 0, run.output)
  else assert.match(run.output, RegExp(`bench\\] Error ${status}$`, 'm'))
  for (const { what } of report.bars) assert.ok(run.output.includes(what), what)
  const page = await readFile(`${TOP}/loadtest/report/bench.html`, 'utf8')
  assert.doesNotMatch(page, /(src|href)=|@import|url\(/, 'the page loads an external resource')
})

test('make bench leaves no container behind', async () => {
  const left = await succeed('docker', [
    'ps',
    '--all',
    '--quiet',
    '--filter',
    `label=com.docker.compose.project=${project}-bench`,
  ])
  assert.equal(left.trim(), '')
})
