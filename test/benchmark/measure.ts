import { ADA, ALAN, GRACE } from '../lib/visitor.ts'
import { type LoadSaw, putLoad } from './load.ts'
import { type Bench, FLOOR, PARTS, type Part, type Tier } from './tier.ts'

/** What one tier has cost at one time, for each request that was answered. */
export interface Measurement {
  tier: Tier['name']
  nodes: number
  cpuMicros: Record<Part, number>
  latencyMs: LoadSaw['latencyMs']
  /** Commands that nodes sent for sessions, by name. */
  commands: Record<string, number>
  appendedBytes: number
}

/** Sessions of each account, which ask in turn: the hot set. There is room for those of two tiers (SESSION_MAX). */
const SESSIONS_PER_ACCOUNT = 3

/** Logs in over and over, and gives the cookies. Where there are no sessions, none. */
export async function logIn(tier: Tier, url: string): Promise<string[]> {
  if (tier === FLOOR) return []
  const cookies: string[] = []
  for (const account of [ADA, GRACE, ALAN]) {
    for (let n = 0; n < SESSIONS_PER_ACCOUNT; n++) {
      const headers = { 'Content-Type': 'application/json' }
      const res = await fetch(`${url}/auth/login`, { method: 'POST', headers, body: JSON.stringify(account) })
      const cookie = res.headers.getSetCookie()[0]?.split(';')[0]
      if (!res.ok || cookie === undefined)
        throw new Error(`no login at ${tier.name}: ${res.status} ${await res.text()}`)
      cookies.push(cookie)
    }
  }
  return cookies
}

export interface Subject {
  tier: Tier
  url: string
  cookies: readonly string[]
  containers: Record<Part, readonly string[]>
}

/** At a fixed rate, which all tiers are given alike: what more they could do does not come into it. */
export async function measure(bench: Bench, subject: Subject, { rate, seconds }: { rate: number; seconds: number }) {
  const { containers } = subject
  const readCpu = async () =>
    Object.fromEntries(await Promise.all(PARTS.map(async (part) => [part, await bench.cpuMicros(containers[part])])))

  const countersBefore = await readCounters(bench)
  const cpuBefore: Record<Part, number> = await readCpu()
  const saw = await putLoad({ ...subject, seconds, rate })
  const cpuAfter: Record<Part, number> = await readCpu()
  const countersAfter = await readCounters(bench)

  if (saw.failed > 0)
    throw new Error(`${saw.failed} of ${saw.answered + saw.failed} requests to ${subject.tier.name} failed`)
  if (saw.answered < 0.9 * rate * seconds) {
    throw new Error(`${subject.tier.name} answered ${saw.answered} of ${rate * seconds}: give a lower rate, BENCH_RATE`)
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
    commands: Object.fromEntries(commands),
    appendedBytes: perRequest(countersAfter.appendedBytes, countersBefore.appendedBytes),
  }
  return measurement
}

/**
 * The commands with which sessions are read and kept. Redis also counts what scripts call, and our renewal is a script that
 * calls GET once: counted as that GET it is counted once. Whatever else is called is the heartbeat's, or the script's own.
 */
const SESSION_COMMANDS = ['get', 'set', 'expire', 'del', 'getdel']

async function readCounters(bench: Bench) {
  const stats = await bench.redis('INFO', 'commandstats', 'persistence')
  const commands: Record<string, number> = {}
  for (const [, name = '', calls] of stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) {
    if (SESSION_COMMANDS.includes(name)) commands[name] = Number(calls)
  }
  return { commands, appendedBytes: Number(/^aof_current_size:(\d+)/m.exec(stats)?.[1]) }
}

/** As fast as it goes: requests a second. */
export async function saturate(subject: Subject, seconds: number): Promise<number> {
  const { answered, failed, seconds: took } = await putLoad({ ...subject, seconds })
  if (failed > 0) throw new Error(`${failed} of ${answered + failed} requests to ${subject.tier.name} failed`)
  return answered / took
}

/** Of measurements that took the same time at the same rate. */
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
    commands: Object.fromEntries([...commands].map((name) => [name, mean((one) => one.commands[name] ?? 0)])),
    appendedBytes: mean((one) => one.appendedBytes),
  }
}
