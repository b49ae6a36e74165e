// The conclusions of make bench from invented figures: each threshold can fail, and a noisy machine is not judged.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Found, spreadOf } from '../bench/found.ts'
import type { Measurement, Saturated } from '../bench/measure.ts'
import { exitCodeOf, sumUp } from '../bench/report.ts'
import { renderHtml } from '../bench/report-page.ts'
import { renderText } from '../bench/report-text.ts'
import type { Tier } from '../bench/tier.ts'

function measurement(tier: Tier['name'], app: number, calls: number, appendedBytes: number): Measurement {
  return {
    ...{ tier, nodes: 3, cpuMicros: { app, redis: 10, nginx: 20 }, latencyMs: { p50: 1, p95: 2, p99: 3 } },
    ...{ generatorShare: 0.3, commands: { get: calls }, appendedBytes },
  }
}

/** A round on a machine that needs `slower` microseconds more per request in every tier. */
const round = (slower: number) => [
  measurement('floor', 100 + slower, 0, 1),
  measurement('ours', 119 + slower, 1.01, 2),
  measurement('cached', 106 + slower, 0.03, 2),
  measurement('rival', 200 + slower, 2, 101),
  measurement('bare', 180 + slower, 2, 101),
]

const nodesMicros = { floor: 70, ours: 90, cached: 60, rival: 150, bare: 120 }
const perSecond = { floor: 1_000, ours: 900, cached: 950, rival: 500, bare: 700 }
function saturatedWith(micros: Partial<typeof nodesMicros>, rates: Partial<typeof perSecond> = {}, p99OfOurs = 40) {
  const one = (name: Tier['name'], p99Ms: number): Saturated => ({
    ...{ perSecond: { ...perSecond, ...rates }[name], p99Ms, generatorShare: 0.4 },
    cpuMicros: { app: { ...nodesMicros, ...micros }[name], redis: 10, nginx: 20 },
  })
  const others = { floor: one('floor', 30), cached: one('cached', 35), rival: one('rival', 80), bare: one('bare', 50) }
  return { ...others, ours: one('ours', p99OfOurs) }
}

const yardstick = (...micros: number[]): Saturated[] =>
  micros.map((all) => ({
    ...{ perSecond: 3_000, p99Ms: 10, generatorShare: 0.4, cpuMicros: { app: all - 20, redis: 0, nginx: 20 } },
  }))

const good: Found = {
  rounds: [round(0), round(50), round(20)],
  saturated: [saturatedWith({}), saturatedWith({ ours: 100, bare: 150 }), saturatedWith({ ours: 98, bare: 130 })],
  // The bare rival is not measured with other numbers of nodes.
  growth: [round(0).filter(({ tier }) => tier !== 'bare')],
  logins: [1.2, 1.3, 2].map((app) => ({ hashMs: 28, besideMs: { app, redis: 0.1, nginx: 0.05 } })),
  rest: { seconds: 10, percent: { app: 0.9, redis: 0.3, nginx: 0.1 } },
  yardstick: { before: yardstick(200, 204, 900), after: yardstick(220, 224, 230) },
  memory: {
    sessionsPerUser: 4,
    ours: [
      { size: 1_000, bytes: 700 },
      { size: 10_000, bytes: 580 },
    ],
    rivals: [
      { size: 1_000, bytes: 590 },
      { size: 10_000, bytes: 600 },
    ],
    oneEach: { size: 10_000, ours: 590, rivals: 593 },
    operations: ['login', 'list', 'revoke'].flatMap((operation) => [
      { size: 1_000, operation, ms: 1 },
      { size: 10_000, operation, ms: 1.1 },
    ]),
  },
  revocation: {
    ...{ trials: 100, logouts: 50, revocations: 50, nodes: 3, honouredAfter: 2 },
    untilRefusedMs: { p50: 3, p99: 12, max: 30 },
  },
}
const described = { isQuick: false, machine: 'one', load: 'some', generator: 'k6', finishedAt: 'now' }
const missed = (found: Found) =>
  sumUp(found, described)
    .bars.filter(({ isKept }) => !isKept)
    .map(({ what }) => what)

test('the cost of a session is the time above the floor of the same round, independent of the machine’s speed', () => {
  const { sessionCost, costOfRivals } = sumUp(good, described)
  assert.deepEqual(sessionCost.ours, { median: 19, least: 19, most: 19 })
  assert.deepEqual(sessionCost.floor, { median: 0, least: 0, most: 0 })
  assert.equal(costOfRivals.ours.median, 0.19)
  assert.equal(costOfRivals.cached.median, 0.06)
})

test('a whole request is compared with the bare rival of the same round', () => {
  const { ofBare } = sumUp(good, described)
  assert.deepEqual(ofBare.ours.cpu, { median: 0.8, least: 130 / 180, most: 120 / 150 })
  assert.equal(ofBare.ours.throughput.median, 900 / 700)
  assert.equal(ofBare.ours.p99.median, 0.8)
})

test('the median of an even number of values is the mean of the two middle ones', () => {
  assert.deepEqual(spreadOf([4, 1, 3, 2]), { median: 2.5, least: 1, most: 4 })
})

/** The rounds, in which this tier differs. */
const dear = (tier: Tier['name'], change: Partial<Measurement>): Found => ({
  ...good,
  rounds: good.rounds.map((all) => all.map((one) => (one.tier === tier ? { ...one, ...change } : one))),
})
/** One round, in which the nodes of these tiers need so many microseconds. */
const nodesNeed = (needed: Partial<Record<Tier['name'], number>>): Found => ({
  ...good,
  rounds: [
    round(0).map((one) => ({ ...one, cpuMicros: { ...one.cpuMicros, app: needed[one.tier] ?? one.cpuMicros.app } })),
  ],
})
const { memory, revocation } = good
const slow = (operation: string): Found => ({
  ...good,
  memory: {
    ...memory,
    operations: memory.operations.map((one) =>
      one.operation === operation && one.size > 1_000 ? { ...one, ms: 5 } : one,
    ),
  },
})

const saturated = (...changed: Parameters<typeof saturatedWith>): Found => ({
  ...good,
  saturated: [saturatedWith(...changed)],
})

const BAD: readonly [RegExp, Found][] = [
  [/^A request, everything on: processor time/, saturated({ ours: 98 })],
  [/^A request with SESSION_CACHE/, saturated({ cached: 80 })],
  [/^Requests a second, everything on, of the bare/, saturated({}, { bare: 820 })],
  [/^Response time when saturated, p99, everything on/, saturated({}, {}, 51)],
  [/^Processor time at rest/, { ...good, rest: { seconds: 10, percent: { app: 1, redis: 0.3, nginx: 0.3 } } }],
  [
    /^Login: processor time beside the password hash/,
    { ...good, logins: good.logins.map((one) => ({ ...one, besideMs: { ...one.besideMs, redis: 0.4 } })) },
  ],
  [/^Session cost, /, nodesNeed({ ours: 121 })],
  [/^Session cost with SESSION_CACHE/, nodesNeed({ cached: 108 })],
  [/^Redis round trips a request/, dear('ours', { commands: { get: 1, expire: 1 } })],
  [/^Redis round trips with SESSION_CACHE/, dear('cached', { commands: { get: 0.2 } })],
  [/^Bytes appended/, dear('ours', { appendedBytes: 10 })],
  [/^Requests a second, of the floor/, saturated({}, { floor: 1_300 })],
  [/^Memory a session with 10,000/, { ...good, memory: { ...memory, ours: [{ size: 10_000, bytes: 601 }] } }],
  [
    /^Memory a session with one for each user/,
    { ...good, memory: { ...memory, oneEach: { size: 10_000, ours: 682, rivals: 593 } } },
  ],
  [/^Login: time/, slow('login')],
  [/^List/, slow('list')],
  [/^Revoke/, slow('revoke')],
  [
    /^Until every node rejects/,
    { ...good, revocation: { ...revocation, untilRefusedMs: { p50: 3, p99: 51, max: 60 } } },
  ],
]

test('every threshold passes with good figures', () => {
  assert.deepEqual(missed(good), [])
  assert.equal(exitCodeOf(sumUp(good, described)), 0)
})

test('each threshold fails with its own bad figures, and the exit status is 1', () => {
  for (const [what, found] of BAD) {
    const names = missed(found)
    assert.equal(names.length, 1, `${what}: ${names}`)
    assert.match(names[0] ?? '', what)
    assert.equal(exitCodeOf(sumUp(found, described)), 1)
  }
  for (const { what } of sumUp(good, described).bars) {
    assert.equal(BAD.filter(([pattern]) => pattern.test(what)).length, 1, `${what} has no bad figures here`)
  }
})

test('a figure that could not be measured fails its threshold', () => {
  const nothing = { ...good, rest: { seconds: 0, percent: { app: Number.NaN, redis: 0, nginx: 0 } } }
  assert.deepEqual(missed(nothing), ['Processor time at rest, the whole stack, of one core'])
})

const noisy: Found = { ...good, yardstick: { before: yardstick(200, 204, 900), after: yardstick(226, 225, 230) } }

test('a run whose beginning and end differ by more than 10 % has no verdict, and exit status 3', () => {
  for (const found of [noisy, { ...noisy, yardstick: { before: yardstick(226), after: yardstick(204) } }]) {
    const report = sumUp(found, described)
    assert.equal(exitCodeOf(report), 3)
    const output = renderText(report)
    assert.match(output, /The machine was too noisy to judge\..* 20\d µs .* 22\d µs|too noisy.* 22\d µs .* 20\d µs/)
    assert.doesNotMatch(output, /^(pass|FAIL)/m)
    assert.match(renderHtml(report), /<title>Not judged/)
    assert.doesNotMatch(renderHtml(report), /<td class="(good|no)">/)
  }
})

test('a run without a yardstick is too noisy to judge', () => {
  assert.equal(exitCodeOf(sumUp({ ...good, yardstick: { before: yardstick(200), after: [] } }, described)), 3)
})

test('the first figure is a whole request of this project beside the bare rival', () => {
  for (const output of [renderText(sumUp(good, described)), renderHtml(sumUp(good, described))]) {
    const places = ['A request, everything on', 'bare express-session', 'The session alone'].map((one) =>
      output.indexOf(one),
    )
    assert.ok(!places.includes(-1))
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
    )
  }
})

test('the report says that a run was quick, and how much of the machine the load generator took', () => {
  const quick = sumUp(good, { ...described, isQuick: true })
  for (const output of [renderText(quick), renderHtml(quick)]) {
    assert.match(output, /quick run/)
    assert.match(output, /k6 took 30\.0 % of the machine at the fixed rate, and 40\.0 % when the stacks were saturated/)
  }
  assert.doesNotMatch(renderText(sumUp(good, described)), /quick run/)
})
