import { ADA, ALAN, cookieOf, GRACE, logIn as logInAt } from '../support/http.ts'
import { type LoadSaw, putLoad } from './load.ts'
import type { Bench, Containers } from './stack.ts'
import { FLOOR, type Part, type Stack, type Tier } from './tier.ts'

/** The cost of one tier in one measurement, per answered request. */
export interface Measurement {
  tier: Tier['name']
  nodes: number
  cpuMicros: Record<Part, number>
  latencyMs: LoadSaw['latencyMs']
  generatorShare: number
  /** Commands that the nodes sent for sessions, by name. */
  commands: Record<string, number>
  appendedBytes: number
}

/** A tier with as many requests as it can answer. */
export interface Saturated {
  perSecond: number
  p99Ms: number
  /** Per answered request. */
  cpuMicros: Record<Part, number>
  generatorShare: number
}

/** Sessions of each account, used in turn: the hot set. SESSION_MAX allows them. */
const SESSIONS_PER_ACCOUNT = 3

/** Logs in repeatedly and returns the cookies. Without sessions, none. */
export async function logIn(tier: Tier, url: string): Promise<string[]> {
  if (tier === FLOOR) return []
  const cookies: string[] = []
  for (const account of [ADA, GRACE, ALAN]) {
    for (let n = 0; n < SESSIONS_PER_ACCOUNT; n++) {
      const response = await logInAt(url, account)
      const cookie = cookieOf(response)
      if (!response.ok || cookie === '')
        throw new Error(`The login at ${tier.name} failed: ${response.status} ${await response.text()}`)
      cookies.push(cookie)
    }
  }
  return cookies
}

/** What load can be put on. */
export interface Target {
  tier: Stack
  url: string
  cookies: readonly string[]
  containers: Containers
}

export interface Subject extends Target {
  tier: Tier
}

/** Measures at a fixed rate that is the same for all tiers. */
export async function measure(bench: Bench, subject: Subject, { rate, seconds }: { rate: number; seconds: number }) {
  const { containers, tier } = subject
  const countersBefore = await readCounters(bench, tier)
  const cpuBefore = await bench.cpuOf(containers)
  const saw = await putLoad({ ...subject, seconds, rate })
  const cpuAfter = await bench.cpuOf(containers)
  const countersAfter = await readCounters(bench, tier)

  if (saw.failed > 0)
    throw new Error(`${saw.failed} of ${saw.answered + saw.failed} requests to ${subject.tier.name} failed`)
  if (saw.answered < 0.9 * rate * seconds) {
    throw new Error(
      `${subject.tier.name} answered ${saw.answered} of ${rate * seconds} requests. Set a lower rate: BENCH_RATE`,
    )
  }
  const perRequest = (after: number | undefined, before: number | undefined) =>
    ((after ?? 0) - (before ?? 0)) / saw.answered
  const commands = Object.entries(countersAfter.commands)
    .map(([name, calls]) => [name, perRequest(calls, countersBefore.commands[name])] as const)
    .filter(([, calls]) => calls > 0)
  const measurement: Measurement = {
    tier: subject.tier.name,
    nodes: containers.app.length,
    cpuMicros: {
      app: perRequest(cpuAfter.app, cpuBefore.app),
      redis: perRequest(cpuAfter.redis, cpuBefore.redis),
      nginx: perRequest(cpuAfter.nginx, cpuBefore.nginx),
    },
    latencyMs: saw.latencyMs,
    generatorShare: saw.generatorShare,
    commands: Object.fromEntries(commands),
    appendedBytes: perRequest(countersAfter.appendedBytes, countersBefore.appendedBytes),
  }
  return measurement
}

/**
 * The commands that read and store sessions. Redis also counts commands of scripts. Our renewal is a script that calls GET
 * once, so it counts once as this GET. All other commands belong to the heartbeat or to the script.
 */
const SESSION_COMMANDS = ['get', 'set', 'expire', 'del', 'getdel']

async function readCounters(bench: Bench, tier: Tier) {
  const stats = await bench.redis(tier, 'INFO', 'commandstats', 'persistence')
  const commands: Record<string, number> = {}
  for (const [, name = '', calls] of stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) {
    if (SESSION_COMMANDS.includes(name)) commands[name] = Number(calls)
  }
  return { commands, appendedBytes: Number(/^aof_current_size:(\d+)/m.exec(stats)?.[1]) }
}

/** The highest throughput, and what a request takes then. */
export async function saturate(bench: Bench, target: Target, seconds: number): Promise<Saturated> {
  const before = await bench.cpuOf(target.containers)
  const { answered, failed, seconds: took, latencyMs, generatorShare } = await putLoad({ ...target, seconds })
  const after = await bench.cpuOf(target.containers)
  if (failed > 0) throw new Error(`${failed} of ${answered + failed} requests to ${target.tier.name} failed`)
  const cpuOf = (part: Part) => (after[part] - before[part]) / answered
  const cpuMicros = { app: cpuOf('app'), redis: cpuOf('redis'), nginx: cpuOf('nginx') }
  return { perSecond: answered / took, p99Ms: latencyMs.p99, cpuMicros, generatorShare }
}

/** The sum of measurements of the same duration and rate. */
export function meanOf(all: readonly Measurement[]): Measurement {
  const [first] = all
  if (!first) throw new Error('nothing was measured')
  const mean = (tell: (one: Measurement) => number) => all.reduce((sum, one) => sum + tell(one), 0) / all.length
  const commands = new Set(all.flatMap((one) => Object.keys(one.commands)))
  return {
    tier: first.tier,
    nodes: first.nodes,
    cpuMicros: {
      app: mean((one) => one.cpuMicros.app),
      redis: mean((one) => one.cpuMicros.redis),
      nginx: mean((one) => one.cpuMicros.nginx),
    },
    latencyMs: {
      p50: mean((one) => one.latencyMs.p50),
      p95: mean((one) => one.latencyMs.p95),
      p99: mean((one) => one.latencyMs.p99),
    },
    generatorShare: mean((one) => one.generatorShare),
    commands: Object.fromEntries([...commands].map((name) => [name, mean((one) => one.commands[name] ?? 0)])),
    appendedBytes: mean((one) => one.appendedBytes),
  }
}
