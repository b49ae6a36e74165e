import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { cookieOf, getUser, logIn, logOut } from '../support/http.ts'
import { type RedisWithSentinels, startRedisWithSentinels } from '../support/redis-sentinels.ts'
import { startServer } from '../support/redis-single.ts'
import { newAccount, startTestNode } from '../support/test-node.ts'
import { until } from '../support/until.ts'

// The clock of a primary is ten minutes ahead of those of its replicas. Each kind of session crosses two failovers.

/** Debian's package faketime. */
const LIBRARY = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1'
const AHEAD_SECONDS = 600
/** libc comes second, so that libfaketime gets its memory there: jemalloc reads the clock when it starts. */
const AHEAD = {
  LD_PRELOAD: `${LIBRARY} libc.so.6`,
  FAKETIME: `+${AHEAD_SECONDS}s`,
  // Timeouts go by the monotonic clock.
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
}

/** Why the clock of this redis-server cannot be changed, or false. */
async function whySkipped(): Promise<string | false> {
  if (!existsSync(LIBRARY)) return 'libfaketime is not installed'
  const server = await startServer([], AHEAD).catch(() => undefined)
  await server?.stop()
  return server ? false : 'this redis-server does not start with libfaketime'
}
const skip = await whySkipped()

async function failOverTo(redis: RedisWithSentinels, isWanted: (port: number) => boolean): Promise<void> {
  const isDone = async () => {
    if (isWanted((await redis.primary()).port)) return true
    // A sentinel refuses while an earlier failover has not ended. It reads the state of a replica every ten seconds only.
    await redis.sentinels[0]?.failOver().catch(() => {})
    await sleep(250)
    return false
  }
  await until('the wanted server is the primary', isDone, 120_000)
}

async function startStack(t: TestContext) {
  const redis = await startRedisWithSentinels({ downAfterMs: 60_000, firstEnv: AHEAD })
  t.after(() => redis.stop())
  const { account, password } = await newAccount('ann')
  const node = await startTestNode(redis.address, { name: 'left', accounts: [account], session: { rotateSeconds: 1 } })
  t.after(() => node.stop())
  const enter = () =>
    until('a login succeeds', async () => {
      const answer = await logIn(node.url, { username: 'ann', password })
      return answer.status === 200 ? cookieOf(answer) : ''
    })
  return { redis, node, enter }
}

test('a primary ten minutes ahead is replaced, and replaces: no session is lost, and no logout comes back', {
  skip,
}, async (t) => {
  const { redis, node, enter } = await startStack(t)
  const [ahead] = redis.servers
  // The sentinels prefer it when it is a replica.
  await ahead?.inspector.configSet('replica-priority', '1')
  const seconds = Number((await ahead?.inspector.sendCommand<string[]>(['TIME']))?.[0])
  assert.ok(seconds - Date.now() / 1000 > AHEAD_SECONDS - 100, 'the clock of the primary is ahead')

  const living: string[] = [await enter()]
  const ended: string[] = []
  const change = async () => {
    const [leaving, rotating] = [await enter(), await enter()]
    await until('the logout is confirmed', async () => (await logOut(node.url, leaving)).status === 204)
    ended.push(leaving)
    const rotated = await until('the token is replaced', async () => cookieOf(await getUser(node.url, rotating)))
    living.push(await enter(), rotated)
  }
  const judge = async (when: string) => {
    await until('the node is connected', async () => (await getUser(node.url, living[0] ?? '')).status !== 503)
    for (const cookie of living)
      assert.equal((await getUser(node.url, cookie)).status, 200, `${when}: a session is lost`)
    for (const cookie of ended)
      assert.equal((await getUser(node.url, cookie)).status, 401, `${when}: a logout came back`)
  }

  await change()
  await failOverTo(redis, (port) => port !== ahead?.port)
  await judge('from the clock that is ahead')
  await change()
  await failOverTo(redis, (port) => port === ahead?.port)
  await judge('to the clock that is ahead')
})
