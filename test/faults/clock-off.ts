// A node whose clock is wrong, among others whose clocks are right.
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { changeRecord } from '../../app/test/lib/change-record.ts'
import { until } from '../../app/test/lib/until.ts'
import { readSealKeys } from '../lib/seal-keys.ts'
import { ADA, type Answer, createVisitor, type Visitor } from '../lib/visitor.ts'
import type { Fault, Watch } from './fault.ts'
import { AGENT } from './history.ts'
import { withFaultyNode } from './nodes-fail.ts'
import type { Stack } from './stack.ts'

const TEN_MINUTES_MS = 600_000
/** By how much the two clocks may differ that the end is told by: this machine's, and the one this program measures with. */
const TOLERANCE_MS = 100

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

/** Somebody whose session the node has created, with times that are right: said, and in Redis, before another node renews it. */
async function logInAt(stack: Stack, watch: Watch, node: string): Promise<Visitor> {
  const usualMs = await timeToLive(stack, await logInUntil(stack, (servedBy) => servedBy !== node))
  const login = await logInUntil(stack, (servedBy) => servedBy === node)
  const ttlMs = await timeToLive(stack, login)
  const { createdAt = '', expiresAt = '' } = login.answer.body.session ?? {}
  const saidMs = Date.parse(expiresAt) - Date.now()
  for (const ms of [ttlMs, saidMs])
    watch.expect(Math.abs(ms - usualMs) < 10_000, `its session has ${ms} ms to live, and another ${usualMs}`)
  watch.expect(Math.abs(Date.parse(createdAt) - Date.now()) < 10_000, `its session was created at ${createdAt}`)
  return login.visitor
}

interface NewSession {
  visitor: Visitor
  answer: Answer
}

async function logInUntil(stack: Stack, isRight: (servedBy: string) => boolean): Promise<NewSession> {
  return until('the right node creates a session', async () => {
    const visitor = createVisitor(stack.url, { agent: AGENT })
    const answer = await visitor.logIn(ADA)
    if (answer.status === 200 && isRight(answer.servedBy)) return { visitor, answer }
    await visitor.logOut()
    return undefined
  })
}

const timeToLive = async (stack: Stack, { visitor }: NewSession) =>
  Number(await stack.redis('--raw', 'PTTL', await keyOf(stack, visitor)))

/** By its token, or by the hash of it (SESSION_KEY=hashed). */
async function keyOf(stack: Stack, visitor: Visitor): Promise<string> {
  const plain = `session:${visitor.token()}`
  if ((await stack.redis('--raw', 'EXISTS', plain)).trim() === '1') return plain
  return `session:${createHash('sha256').update(visitor.token()).digest('hex')}`
}

/** Moves the absolute end of a session near, and asks every node until it is over. */
async function expectTrueEnd(stack: Stack, watch: Watch, visitor: Visitor, node: string): Promise<void> {
  const key = await keyOf(stack, visitor)
  const json = await stack.redis('--raw', 'GET', key)
  // Longer than a node goes without renewing a session in use: each of them does it once.
  const renewSeconds = Number((await stack.exec(node, 'printenv', 'SESSION_RENEW_SECONDS')).trim() || 5)
  const leastLeftMs = (renewSeconds + 2) * 1000
  // By this machine's clock, which is also that of Redis.
  const createdMs = Date.parse(JSON.parse(json).createdAt)
  const absoluteSeconds = Math.ceil((Date.now() + leastLeftMs - createdMs) / 1000)
  const endMs = createdMs + absoluteSeconds * 1000
  const endsAt = endMs - aheadOfProcessMs()
  const name = key.slice('session:'.length)
  const changed = changeRecord({ name, json, sealKeys: readSealKeys() }, () => ({ absoluteSeconds }))
  await stack.redis('SET', key, changed, 'PXAT', String(endMs))
  const answers: { status: number; servedBy: string; askedMs: number; answeredMs: number }[] = []
  while (performance.now() < endsAt + 1_000) {
    const askedMs = performance.now()
    const { status, servedBy } = await visitor.copy().whoAmI()
    answers.push({ status, servedBy, askedMs, answeredMs: performance.now() })
    await sleep(5)
  }
  const seen = (status: number) => answers.some((answer) => answer.servedBy === node && answer.status === status)
  watch.expect(seen(200) && seen(401), `${node} was not asked both before and after the end`)
  const early = answers.filter(({ status, answeredMs }) => status !== 200 && answeredMs < endsAt - TOLERANCE_MS)
  const late = answers.filter(({ status, askedMs }) => status !== 401 && askedMs > endsAt + TOLERANCE_MS)
  watch.expect(early.length === 0, `${early.length} times the session had ended early`)
  watch.expect(late.length === 0, `${late.length} times the session was honoured too late`)
}

/** Date.now() less performance.now(). Of several readings the one with the least between the two. */
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
