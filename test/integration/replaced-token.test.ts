// Replaced tokens: the response with the new token may be lost, and the old one may have been copied.
import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { listenTo, telling } from '../support/event-client.ts'
import { cookieOf, getUser, logIn, logOut } from '../support/http.ts'
import { runNode } from '../support/program.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { newAccount, startTestNode } from '../support/test-node.ts'
import { until } from '../support/until.ts'

let redis: TestRedis
before(async () => {
  redis = await startTestRedis()
})
after(() => redis.stop())

/** A token is replaced when it is one second old. After the first use of its successor it works for one more second. */
const SECONDS = { rotateSeconds: 1, rotateGraceSeconds: 1, renewSeconds: 0 }

/** Two nodes, one of them with a cache, and a user with a session. */
async function start(t: TestContext, username: string, more = {}) {
  const { account, password } = await newAccount(username)
  const parts = { accounts: [account], session: { ...SECONDS, ...more } }
  const left = await startTestNode(redis.url, { name: 'left', ...parts })
  const right = await startTestNode(redis.url, { name: 'right', ...parts, cacheEntries: 100 })
  t.after(() => Promise.all([left.stop(), right.stop()]))
  const login = await logIn(left.url, { username, password })
  return { left, right, cookie: cookieOf(login), id: JSON.parse(await login.text()).session.id }
}

/** The cookie that replaces this one and is still unused. */
const replace = (url: string, cookie: string) =>
  until('the token is replaced', async () => cookieOf(await getUser(url, cookie)))

/** Uses Redis's clock, which is that of this machine. A request that checked the grace period would end the session. */
async function waitForGrace(): Promise<void> {
  const from = Date.now()
  await until('the grace period has passed', () => Date.now() - from > SECONDS.rotateGraceSeconds * 1000 + 50)
}

const problemOf = async (response: Response) => ({ status: response.status, ...JSON.parse(await response.text()) })

test('if the response with a new token is lost, the old token works until the new one is used, without a time limit', async (t) => {
  const { left, right, cookie } = await start(t, 'lossy')
  const lost = await replace(left.url, cookie)
  for (let round = 0; round < 3; round++) {
    await waitForGrace()
    for (const node of [left, right]) {
      const answer = await getUser(node.url, cookie)
      assert.equal(answer.status, 200)
      assert.equal(cookieOf(answer), lost, 'every response has the same new token')
    }
  }
  assert.equal((await getUser(right.url, lost)).status, 200)
})

test('a request with the old token succeeds within the grace period after the first use of the new one', async (t) => {
  const { left, right, cookie } = await start(t, 'overtaken', { rotateGraceSeconds: 10 })
  const next = await replace(left.url, cookie)
  assert.equal((await getUser(right.url, next)).status, 200)
  for (const node of [left, right]) assert.equal((await getUser(node.url, cookie)).status, 200)
})

test('a replaced token used after the grace period ends the session on every node, and the 401 states the reason', async (t) => {
  const { left, right, cookie, id } = await start(t, 'copied')
  const second = await replace(left.url, cookie)
  const third = await replace(right.url, second)
  assert.equal((await getUser(right.url, third)).status, 200)
  const page = await listenTo(right.url, { cookie: third })
  await waitForGrace()
  const thief = await problemOf(await getUser(left.url, cookie))
  assert.equal(thief.status, 401)
  assert.equal(thief.reason, 'token_reused')
  assert.match(thief.detail, /a replaced token was used again/)
  assert.equal(await page.ended, 'properly')
  assert.ok(page.messages.some(telling('token_reused', { sessionId: id })))
  for (const node of [left, right]) {
    for (const token of [cookie, second, third]) {
      const { status, reason } = await problemOf(await getUser(node.url, token))
      assert.deepEqual({ status, reason }, { status: 401, reason: 'token_reused' })
    }
  }
  assert.equal(await redis.inspector.zCard('user-sessions:copied'), 0)
})

test('a replaced token ends the session on every route: session list, event stream, logout and login', async (t) => {
  const { left, right, cookie: first } = await start(t, 'everywhere')
  const ways: ((cookie: string) => Promise<Response>)[] = [
    (cookie) => fetch(`${left.url}/api/sessions`, { headers: { Cookie: cookie } }),
    (cookie) => fetch(`${left.url}/api/events`, { method: 'HEAD', headers: { Cookie: cookie } }),
    (cookie) => logOut(left.url, cookie),
    (cookie) => logIn(left.url, { username: 'everywhere', password: 'secret of everywhere' }, { Cookie: cookie }),
  ]
  await logOut(left.url, first)
  for (const bringBack of ways) {
    const login = await logIn(left.url, { username: 'everywhere', password: 'secret of everywhere' })
    const cookie = cookieOf(login)
    const next = await replace(left.url, cookie)
    await getUser(right.url, next)
    await waitForGrace()
    await bringBack(cookie)
    for (const token of [cookie, next]) {
      await until('both nodes know the reason', async () => (await problemOf(await getUser(right.url, token))).reason)
      assert.equal((await problemOf(await getUser(right.url, token))).reason, 'token_reused', bringBack.toString())
    }
  }
})

test('the log reports a reused token with user, session, node and request, and without the token', async (t) => {
  const settings = { SESSION_ROTATE: '1', SESSION_ROTATE_GRACE: '1', SESSION_RENEW_SECONDS: '0' }
  const node = runNode('server', { REDIS_URL: redis.url, NODE_NAME: 'app-7', ...settings })
  t.after(async () => {
    node.signal('SIGKILL')
    await node.ended
  })
  const { url } = await node.listening()
  const login = await logIn(url)
  const cookie = cookieOf(login)
  const next = await replace(url, cookie)
  await getUser(url, next)
  await waitForGrace()
  const refused = await getUser(url, cookie)
  const line = await node.line(({ event }) => event === 'token_reused')
  assert.equal(line.level, 'warn')
  assert.equal(line.node, 'app-7')
  assert.equal(line.user, 'ada')
  assert.equal(line.sessionId, JSON.parse(await login.text()).session.id)
  assert.ok(JSON.stringify(line).includes(refused.headers.get('X-Request-Id') ?? 'none'))
  for (const secret of [cookie, next]) assert.ok(!JSON.stringify(node.lines).includes(secret.slice(4)))
})
