import { setTimeout as sleep } from 'node:timers/promises'
import { ADA, ALAN, GRACE, send } from '../support/http.ts'
import { percentile } from '../support/percentile.ts'
import { until } from '../support/until.ts'
import type { Visitor } from '../support/visitor.ts'
import type { Attack, ComposeStack } from './attack.ts'
import { startElsewhere } from './elsewhere.ts'

/** The attackers' streams: one client with many, and three with fewer, each from its own address. */
const CLIENTS = [1_500, 500, 500, 500]
const HOLD_SECONDS = 60
const VISITORS = 20
const PATIENCE_MS = 5_000
const ACCOUNTS = [ADA, GRACE, ALAN]

export const anonymousStreams: Attack = {
  name: 'anonymous-streams',
  title: '3,000 concurrent anonymous event streams from 4 addresses',

  async run(stack) {
    const visitors: Visitor[] = []
    for (let one = 0; one < VISITORS; one++) visitors.push(await stack.visitor(ACCOUNTS[one % ACCOUNTS.length]))
    const before = await readFor(visitors, 3_000)

    const program = new URL('./attackers/open-streams.js', import.meta.url)
    const attackers = CLIENTS.map((count) =>
      startElsewhere(stack, program, {
        words: ['http://nginx:8080/api/events', String(count), String(HOLD_SECONDS)],
        longestMs: (HOLD_SECONDS + 60) * 1_000,
      }),
    )
    try {
      const isOver = () => attackers.every((attacker) => attacker.said().includes('answered'))
      // First during the burst, then with all streams open.
      const meanwhile = await readFor(visitors, 60_000, isOver)
      await until('the attackers have their responses', isOver)
      const ofUsers = await Promise.all(visitors.map((visitor) => openStream(stack, visitor.cookie())))
      const ofNewcomers = await Promise.all(visitors.map(() => openStream(stack, undefined)))
      const failed = [...meanwhile.failures, ...failuresOf(ofUsers), ...failuresOf(ofNewcomers)]
      console.log(`  the attackers: ${attackers.map((attacker) => attacker.said().trim()).join(', ')}`)
      return {
        others:
          `${VISITORS - failuresOf(ofUsers).length} of ${VISITORS} users and ` +
          `${VISITORS - failuresOf(ofNewcomers).length} of ${VISITORS} anonymous visitors get their stream, ` +
          `reads p95 ${before.p95Ms} → ${meanwhile.p95Ms} ms`,
        gotThrough: failed.length === 0 ? [] : [`other users saw ${summaryOf(failed)}`],
      }
    } finally {
      await Promise.all(attackers.map((attacker) => attacker.stop()))
    }
  },
}

/** Returns 'hello', or a description of what arrived instead. */
async function openStream(stack: ComposeStack, cookie: string | undefined): Promise<string> {
  const abort = new AbortController()
  const tooLong = setTimeout(() => abort.abort(), PATIENCE_MS)
  try {
    const response = await send(stack.url(), '/api/events', { cookie, signal: abort.signal })
    if (response.status !== 200) return `stream ${response.status}`
    for await (const piece of response.body ?? []) if (Buffer.from(piece).includes('event: hello')) return 'hello'
    return 'stream without hello'
  } catch {
    return 'stream without a response'
  } finally {
    clearTimeout(tooLong)
    abort.abort()
  }
}

const failuresOf = (answers: readonly string[]) => answers.filter((answer) => answer !== 'hello')

/** Requests the user of each session in turn until the attack has ended or `longestMs` have passed. */
async function readFor(visitors: readonly Visitor[], longestMs: number, isOver = () => false) {
  const times: number[] = []
  const failures: string[] = []
  const end = performance.now() + longestMs
  for (let turn = 0; performance.now() < end && !isOver(); turn++) {
    const startedAt = performance.now()
    const status = await visitors[turn % visitors.length]?.whoAmI().then(
      (answer) => answer.status,
      () => 'without a response',
    )
    times.push(performance.now() - startedAt)
    if (status !== 200) failures.push(`read ${status}`)
    await sleep(5)
  }
  return { p95Ms: Math.round(percentile(times, 0.95)), failures }
}

function summaryOf(failures: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const failure of failures) counts.set(failure, (counts.get(failure) ?? 0) + 1)
  return [...counts].map(([failure, count]) => `${count} × ${failure}`).join(', ')
}
