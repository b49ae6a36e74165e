// Compares the kinds of Redis, and a cluster that grows: make bench KINDS=1. Everything runs as processes of this machine.
import { renderTable } from 'loadtest/lib/table'
import { createProgress } from '../support/progress.ts'
import type { RedisKind } from '../support/redis-server.ts'
import { writeReport } from '../support/write-report.ts'
import { type Cost, measureCosts } from './kind-costs.ts'
import { type Measured, startKind, startPrimaries } from './kind-servers.ts'
import { sizingOf } from './sizing.ts'

const KINDS: readonly RedisKind[] = ['single', 'sentinel', 'cluster']
const PRIMARIES = [1, 2, 3]
const sessions = Number(process.env.BENCH_SESSIONS || 2_000)
const showStep = createProgress()

interface Found<Of> {
  of: Of
  costs: Cost[]
}

const kinds: Found<RedisKind>[] = []
for (const of of KINDS)
  kinds.push({ of, costs: await showStep(`Measure REDIS=${of}`, () => measured(() => startKind(of))) })
const growth: Found<number>[] = []
for (const of of PRIMARIES)
  growth.push({ of, costs: await showStep(`Measure a cluster of ${of}`, () => measured(() => startPrimaries(of))) })

const number = (value: number) => (value < 10 ? value.toFixed(2) : value.toFixed(0))
const HEAD = ['', 'Operation', 'p50, ms', 'p99, ms', 'Round trips', 'Node, µs', 'Redis, µs', 'Busiest server, µs']
const rows = <Of>(found: readonly Found<Of>[]) =>
  found.flatMap(({ of, costs }) =>
    costs.map((cost) => [
      ...[`${of}`, cost.operation, number(cost.p50Ms), number(cost.p99Ms), number(cost.roundTrips)],
      ...[number(cost.nodeMicros), number(cost.redisMicros), number(cost.busiestMicros)],
    ]),
  )
console.log(`\nThe kinds of Redis\n\n${renderTable([HEAD, ...rows(kinds)])}`)
console.log(`\nA cluster of one, two and three primaries, without replicas\n\n${renderTable([HEAD, ...rows(growth)])}`)
const sizing = growth.map(({ of, costs }) => sizingOf(of, costs))
const SIZING_HEAD = ['Primaries', 'Reads a second', 'Logins a second', 'Users']
const sizes = sizing.map(({ primaries, readsPerSecond, loginsPerSecond, users }) =>
  [primaries, readsPerSecond, loginsPerSecond, users].map(String),
)
console.log(`\nOn paper, with a core for each primary\n\n${renderTable([SIZING_HEAD, ...sizes])}`)
console.log(`\nThe figures are in ${await writeReport('redis-kinds', { sessions, kinds, growth, sizing })}`)

async function measured(start: () => Promise<Measured>): Promise<Cost[]> {
  const redis = await start()
  try {
    return await measureCosts(redis, sessions)
  } finally {
    await redis.stop()
  }
}
