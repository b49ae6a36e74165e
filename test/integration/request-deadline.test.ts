import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, get } from 'node:http'
import { text } from 'node:stream/consumers'
import { after, before, type TestContext, test } from 'node:test'
import { beginApp, endApp } from 'app/app'
import { cookieOf, getUser, logIn } from '../support/http.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { startTcpSwitch } from '../support/tcp-switch.ts'
import { newAccount, startTestNode } from '../support/test-node.ts'
import { until } from '../support/until.ts'

/** Of one command. A request has six times as long. */
const DEADLINE_MS = 1_500
/** Less than that, so every command succeeds. A login that replaces a session sends ten in sequence. */
const DELAY_MS = 1_200

let redis: TestRedis
before(async () => {
  redis = await startTestRedis()
})
after(() => redis.stop())

/** A node with a route that answers when the test says so. */
async function startNodeWithSlowRoute(t: TestContext) {
  let answerLate = () => {}
  const node = await startTestNode(redis.url, {
    name: 'slow',
    accounts: [],
    deadlineMs: 100,
    buildApp(parts) {
      const app = beginApp(parts)
      app.get('/slow', async (_req, res) => {
        await new Promise<void>((resolve) => {
          answerLate = resolve
        })
        res.json({ late: true })
      })
      app.get('/quick', (_req, res) => void res.json({ late: false }))
      return endApp(app)
    },
  })
  t.after(() => node.stop())
  return { url: node.url, answerLate: () => answerLate() }
}

/** The status and the body, over the one connection of the agent, and whether that connection was used before. */
async function ask(agent: Agent, url: string) {
  const request = get(url, { agent })
  const [response] = await once(request, 'response')
  return { status: response.statusCode, body: await text(response), isReused: request.reusedSocket }
}

test('a request whose route does not answer gets 503 with Retry-After, and no request hangs', async (t) => {
  const { url } = await startNodeWithSlowRoute(t)
  const response = await fetch(`${url}/slow`, { signal: AbortSignal.timeout(30_000) })
  assert.equal(response.status, 503)
  assert.equal(response.headers.get('Retry-After'), '1')
  assert.match(await response.text(), /The session store takes too long/)
})

test('the late answer of a route is discarded, and its connection serves the next request', async (t) => {
  const { url, answerLate } = await startNodeWithSlowRoute(t)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  assert.equal((await ask(agent, `${url}/slow`)).status, 503)
  answerLate()
  const next = await ask(agent, `${url}/quick`)
  assert.deepEqual([next.status, JSON.parse(next.body), next.isReused], [200, { late: false }, true])
})

test('a login that takes too long gets 503, and its session is taken back', async (t) => {
  const link = await startTcpSwitch(Number(new URL(redis.url).port))
  t.after(() => link.stop())
  const { account, password } = await newAccount('late')
  const node = await startTestNode(`redis://127.0.0.1:${link.port}`, {
    ...{ name: 'far-away', accounts: [account], deadlineMs: DEADLINE_MS },
  })
  t.after(() => node.stop())
  const credentials = { username: account.username, password }
  const cookie = cookieOf(await logIn(node.url, credentials))
  const sessions = () => redis.inspector.zCard(`user-sessions:${account.username}`)
  assert.equal(await sessions(), 1)

  link.delay(DELAY_MS)
  const late = await logIn(node.url, credentials, { Cookie: cookie })
  assert.equal(late.status, 503)
  assert.equal(late.headers.get('Set-Cookie'), null, 'the client gets no token')
  link.delay(0)
  await until('the session of the late login is taken back', async () => (await sessions()) === 0)
  assert.equal((await getUser(node.url, cookie)).status, 401, 'the login had replaced the earlier session')
})

test('a login whose time is over at its very end gets no cookie with its 503', async (t) => {
  const link = await startTcpSwitch(Number(new URL(redis.url).port))
  t.after(() => link.stop())
  const { account, password } = await newAccount('last-moment')
  const node = await startTestNode(`redis://127.0.0.1:${link.port}`, {
    ...{ name: 'not-so-near', accounts: [account], deadlineMs: 500 },
  })
  t.after(() => node.stop())
  const credentials = { username: account.username, password }
  const cookie = cookieOf(await logIn(node.url, credentials))
  // Ten commands in sequence: three seconds are over during the last one. On a slow machine, they are over earlier.
  link.delay(310)
  await until('the login has missed its own deadline, and not one of its commands', async () => {
    const late = await logIn(node.url, credentials, { Cookie: cookie })
    assert.equal(late.status, 503)
    assert.equal(late.headers.get('Set-Cookie'), null)
    return /takes too long/.test(await late.text())
  })
  link.delay(0)
  await until('the session of the late login is taken back', async () => {
    return (await redis.inspector.zCard(`user-sessions:${account.username}`)) === 0
  })
})
