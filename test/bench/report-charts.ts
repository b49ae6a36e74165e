// The charts of the report that compare numbers of nodes or of sessions.
import { lines, number } from './chart.ts'
import type { Summary } from './found.ts'
import { OURS, RIVAL, TIERS, type Tier, WITH_SESSIONS } from './tier.ts'

const steps = (size: number) => size.toLocaleString('en')

export function growthChart({ growthCost }: Summary): string {
  const series = WITH_SESSIONS.map((tier) => ({
    name: tier.title,
    colour: TIERS.indexOf(tier),
    points: growthCost.map(({ nodes, cost }) => ({ x: nodes, y: cost[tier.name].median })),
  }))
  return `<h2>Session cost with more nodes, in microseconds</h2>
${lines(series, 'microseconds', (nodes) => `${nodes} ${nodes === 1 ? 'node' : 'nodes'}`)}`
}

export function memoryChart({ memory }: Summary): string {
  const series = (tier: Tier, found: typeof memory.ours) => ({
    name: tier.title,
    colour: TIERS.indexOf(tier),
    points: found.map(({ size, bytes }) => ({ x: size, y: bytes })),
  })
  const { sessionsPerUser, oneEach } = memory
  return `<h2>Memory of Redis for each session, in bytes</h2>
<p class="dim">With ${sessionsPerUser} sessions for each user. It includes the index of the user's sessions; the rival has none. With ${steps(oneEach.size)} sessions, one for each user: ${number(oneEach.ours)}, the rival ${number(oneEach.rivals)}.</p>
${lines([series(OURS, memory.ours), series(RIVAL, memory.rivals)], 'bytes', steps)}`
}

export function operationsChart({ memory }: Summary): string {
  const series = ['login', 'list', 'revoke'].map((operation, place) => ({
    name: operation,
    colour: place + 1,
    points: memory.operations.filter((one) => one.operation === operation).map(({ size, ms }) => ({ x: size, y: ms })),
  }))
  return `<h2>Time of one operation with so many sessions, in milliseconds</h2>
${lines(series, 'milliseconds', steps)}`
}

export function revocationText({ revocation: { trials, untilRefusedMs, honouredAfter } }: Summary): string {
  const { p50, p99, max } = untilRefusedMs
  return `<h2>From the end of a session until every other node rejects it, with SESSION_CACHE=on</h2>
<p>${steps(trials)} trials under load, half of them logouts and half revocations: p50 ${number(p50)} ms, p99 ${number(p99)} ms, at most ${number(max)} ms. Ended sessions that a node still accepted: ${steps(honouredAfter)}.</p>`
}
