// What make bench concludes from what it has measured, on figures that are made up: that the bars can be missed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Measurement } from '../benchmark/measure.ts'
import { type Found, spreadOf, sumUp } from '../benchmark/report.ts'
import type { Tier } from '../benchmark/tier.ts'

function measurement(tier: Tier['name'], app: number, calls: number, appendedBytes: number): Measurement {
  const cpuMicros = { app, redis: 10, nginx: 20 }
  return { tier, nodes: 3, cpuMicros, latencyMs: { p50: 1, p95: 2, p99: 3 }, commands: { get: calls }, appendedBytes }
}

/** A round on a machine that is slower by `slower` microseconds a request for everybody. */
const round = (slower: number) => [
  measurement('floor', 100 + slower, 0, 1),
  measurement('ours', 120 + slower, 1.01, 2),
  measurement('cached', 108 + slower, 0.03, 2),
  measurement('rival', 200 + slower, 2, 101),
]

const good: Found = {
  rounds: [round(0), round(500), round(20)],
  saturated: [{ floor: 1000, ours: 900, cached: 950, rival: 500 }],
  growth: [round(0)],
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
    oneEach: { size: 10_000, bytes: 690 },
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
const described = { machine: 'one', load: 'some', finishedAt: 'now' }
const missed = (found: Found) =>
  sumUp(found, described)
    .bars.filter(({ isKept }) => !isKept)
    .map(({ what }) => what)

test('a session costs what is above the floor of the same round, whatever the machine did otherwise', () => {
  const { sessionCost, costOfRivals } = sumUp(good, described)
  assert.deepEqual(sessionCost.ours, { median: 20, least: 20, most: 20 })
  assert.deepEqual(sessionCost.floor, { median: 0, least: 0, most: 0 })
  assert.equal(costOfRivals.ours.median, 0.2)
  assert.equal(costOfRivals.cached.median, 0.08)
})

test('the middle of an even number is between the two', () => {
  assert.deepEqual(spreadOf([4, 1, 3, 2]), { median: 2.5, least: 1, most: 4 })
})

test('every bar is kept by good figures, and each is missed by its own bad ones', () => {
  assert.deepEqual(missed(good), [])
  const dear = (tier: Tier['name'], change: Partial<Measurement>) => ({
    ...good,
    rounds: good.rounds.map((all) => all.map((one) => (one.tier === tier ? { ...one, ...change } : one))),
  })
  const { memory, revocation } = good
  const slow = (operation: string) =>
    memory.operations.map((one) => (one.operation === operation && one.size > 1_000 ? { ...one, ms: 5 } : one))
  const bad: [RegExp, Found][] = [
    [
      /session cost/,
      { ...good, rounds: [[...round(0).filter(({ tier }) => tier !== 'ours'), measurement('ours', 140, 1, 2)]] },
    ],
    [
      /the same with SESSION_CACHE/,
      { ...good, rounds: [[...round(0).filter(({ tier }) => tier !== 'cached'), measurement('cached', 115, 0, 2)]] },
    ],
    [/round trips/, dear('ours', { commands: { get: 1, expire: 1 } })],
    [/the same with SESSION_CACHE/, dear('cached', { commands: { get: 0.2 } })],
    [/bytes appended/, dear('ours', { appendedBytes: 10 })],
    [/throughput/, { ...good, saturated: [{ floor: 1000, ours: 700, cached: 950, rival: 500 }] }],
    [/memory/, { ...good, memory: { ...memory, ours: [{ size: 10_000, bytes: 601 }] } }],
    [/^login/, { ...good, memory: { ...memory, operations: slow('login') } }],
    [/^list/, { ...good, memory: { ...memory, operations: slow('list') } }],
    [/^revoke/, { ...good, memory: { ...memory, operations: slow('revoke') } }],
    [
      /until every node refuses/,
      { ...good, revocation: { ...revocation, untilRefusedMs: { p50: 3, p99: 51, max: 60 } } },
    ],
  ]
  for (const [what, found] of bad) {
    const names = missed(found)
    assert.equal(names.length, 1, `${what}: ${names}`)
    assert.match(names[0] ?? '', what)
  }
})
