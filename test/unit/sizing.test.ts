import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Cost, Operation } from '../bench/kind-costs.ts'
import { sizingOf } from '../bench/sizing.ts'

const cost = (operation: Operation, busiestMicros: number): Cost => ({
  ...{ operation, busiestMicros, p50Ms: 0, p99Ms: 0, roundTrips: 0, nodeMicros: 0, redisMicros: 0 },
})

test('a cluster bears what fills 60 % of a core of its busiest primary', () => {
  const { primaries, readsPerSecond, loginsPerSecond } = sizingOf(2, [
    cost('login', 100),
    cost('read', 10),
    cost('logout', 50),
  ])
  assert.deepEqual(
    { primaries, readsPerSecond, loginsPerSecond },
    { primaries: 2, readsPerSecond: 60_000, loginsPerSecond: 6_000 },
  )
})

test('a user costs a request every half minute, and a login and a logout a day', () => {
  const onlyReads = sizingOf(1, [cost('login', 0), cost('read', 10), cost('logout', 0)])
  assert.equal(onlyReads.users, 1_800_000)
  const withLogins = sizingOf(1, [cost('login', 86_400), cost('read', 0), cost('logout', 0)])
  assert.equal(withLogins.users, 600_000)
})
