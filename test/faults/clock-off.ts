// A node whose clock is wrong, beside nodes whose clocks are correct.
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { changeRecord } from '../support/change-record.ts'
import { ADA } from '../support/http.ts'
import { readSealKeys } from '../support/seal-keys.ts'
import { until } from '../support/until.ts'
import { type Answer, createVisitor, type Visitor } from '../support/visitor.ts'
import type { Fault, Watch } from './fault.ts'
import { AGENT } from './history.ts'
import { withFaultyNode } from './nodes-fail.ts'
import type { Stack } from './stack.ts'

const TEN_MINUTES_MS = 600_000
/** The tolerated difference between this machine's clock, which sets the expiry, and the clock of this program. */
const TOLERANCE_MS = 100
/** After this, a node that never answered is a failure. */
const MOST_MS = 30_000

const clockOff = (direction: 'ahead' | 'behind'): Fault => ({
  name: `clock-${direction}`,
  title: `The clock of a node is ten minutes ${direction}`,
  tolerated: { get: [], post: [] },
  slowestMs: 2_000,
  recoverMs: 5_000,
  seconds: 18,
  async happen(stack, watch) {
    const offMs = direction === 'ahead' ? TEN_MINUTES_MS : -TEN_MINUTES_MS
    await withFaultyNode({ CLOCK_OFF_MS: String(offMs) }, async (node) => {
      const visitor = await logInAt(stack, watch, node)
      await expectTrueEnd(stack, watch, visitor, node)
    })
  },
})

/** A visitor whose session the node has created. Asserts correct times in the response and in Redis before any renewal. */
async function logInAt(stack: Stack, watch: Watch, node: string): Promise<Visitor> {
  const usualMs = await timeToLive(stack, await logInUntil(stack, (servedBy) => servedBy !== node))
  const login = await logInUntil(stack, (servedBy) => servedBy === node)
  const ttlMs = await timeToLive(stack, login)
  const { createdAt = '', expiresAt = '' } = login.answer.body.session ?? {}
  const saidMs = Date.parse(expiresAt) - Date.now()
  for (const ms of [ttlMs, saidMs])
    watch.expect(
      Math.abs(ms - usualMs) < 10_000,
      `the session of the node has a TTL of ${ms} ms, that of another node ${usualMs} ms`,
    )
  watch.expect(
    Math.abs(Date.parse(createdAt) - Date.now()) < 10_000,
    `the session of the node has createdAt ${createdAt}`,
  )
  return login.visitor
}

interface NewSession {
  visitor: Visitor
  answer: Answer
}

async function logInUntil(stack: Stack, isRight: (servedBy: string) => boolean): Promise<NewSession> {
  return until('the intended node creates a session', async () => {
    const visitor = createVisitor(stack.url, { agent: AGENT })
    const answer = await visitor.logIn(ADA)
    if (answer.status === 200 && isRight(answer.servedBy)) return { visitor, answer }
    await visitor.logOut()
    // The balancer goes round: an even number of requests an attempt would never reach every second of four nodes.
    for (let more = Math.floor(Math.random() * 4); more > 0; more--) await visitor.whoAmI()
    return undefined
  })
}

const timeToLive = async (stack: Stack, { visitor }: NewSession) =>
  Number(await stack.redis('--raw', 'PTTL', await keyOf(stack, visitor)))

/** The key contains the token or its hash (SESSION_KEY=hashed). */
async function keyOf(stack: Stack, visitor: Visitor): Promise<string> {
  const plain = `session:${visitor.token()}`
  if ((await stack.redis('--raw', 'EXISTS', plain)).trim() === '1') return plain
  return `session:${createHash('sha256').update(visitor.token()).digest('hex')}`
}

/** Moves the absolute timeout of a session close, and queries every node until it has passed. */
async function expectTrueEnd(stack: Stack, watch: Watch, visitor: Visitor, node: string): Promise<void> {
  const key = await keyOf(stack, visitor)
  const json = await stack.redis('--raw', 'GET', key)
  // Longer than the renewal interval, so each node renews the session once.
  const renewSeconds = Number((await stack.exec(node, 'printenv', 'SESSION_RENEW_SECONDS')).trim() || 5)
  const leastLeftMs = (renewSeconds + 2) * 1000
  // This machine's clock is also that of Redis.
  const createdMs = Date.parse(JSON.parse(json).createdAt)
  const absoluteSeconds = Math.ceil((Date.now() + leastLeftMs - createdMs) / 1000)
  const endMs = createdMs + absoluteSeconds * 1000
  const endsAt = endMs - aheadOfProcessMs()
  const name = key.slice('session:'.length)
  const changed = changeRecord({ name, json, sealKeys: readSealKeys() }, () => ({ absoluteSeconds }))
  await stack.redis('SET', key, changed, 'PXAT', String(endMs))
  const answers: { status: number; servedBy: string; askedMs: number; answeredMs: number }[] = []
  const seen = (status: number) => answers.some((answer) => answer.servedBy === node && answer.status === status)
  // The balancer may choose other nodes several times in sequence.
  while (performance.now() < endsAt + (seen(401) ? 1_000 : MOST_MS)) {
    const askedMs = performance.now()
    const { status, servedBy } = await visitor.copy().whoAmI()
    answers.push({ status, servedBy, askedMs, answeredMs: performance.now() })
    await sleep(5)
  }
  watch.expect(seen(200) && seen(401), `${node} was not queried both before and after the absolute timeout`)
  const early = answers.filter(({ status, answeredMs }) => status !== 200 && answeredMs < endsAt - TOLERANCE_MS)
  const late = answers.filter(({ status, askedMs }) => status !== 401 && askedMs > endsAt + TOLERANCE_MS)
  watch.expect(early.length === 0, `the session was rejected too early ${early.length} times`)
  watch.expect(late.length === 0, `the session was accepted too late ${late.length} times`)
}

/** Date.now() minus performance.now(). Of several readings it uses the one with the shortest gap. */
function aheadOfProcessMs(): number {
  const readings = Array.from({ length: 20 }, () => {
    const before = performance.now()
    const now = Date.now()
    const tookMs = performance.now() - before
    return { aheadMs: now - before, tookMs }
  })
  return readings.reduce((best, one) => (one.tookMs < best.tookMs ? one : best)).aheadMs
}

export const clockFaults = [clockOff('ahead'), clockOff('behind')]
