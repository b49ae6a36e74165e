import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { listenTo, telling } from '../support/event-client.ts'
import { ADA, cookieOf, getUser, logIn, logOut } from '../support/http.ts'
import { runNode } from '../support/program.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { untilWithin } from '../support/stopwatch.ts'
import { until } from '../support/until.ts'

let redis: TestRedis
before(async () => {
  redis = await startTestRedis()
})
after(() => redis.stop())

async function startNode(t: TestContext, env: Record<string, string>): Promise<string> {
  const node = runNode('server', { REDIS_URL: redis.url, NODE_NAME: 'app-1', ...env })
  t.after(async () => {
    node.signal('SIGKILL')
    await node.ended
    await redis.inspector.flushAll()
  })
  return (await node.listening()).url
}

const channels = () => redis.inspector.pubSubChannels()

/** Makes a node write every kind of key: session, index, both failure counts, heartbeat, event. */
async function writeEveryKey(url: string): Promise<string> {
  const cookie = cookieOf(await logIn(url))
  await logIn(url, { ...ADA, password: 'a guess' })
  const kinds = /(session|user-sessions|login-counts|login-counts-address|nodes|events)/
  await until('each kind of key exists', async () => {
    const found = (await redis.inspector.keys('*')).map((key) => kinds.exec(key)?.[1])
    return new Set(found).size >= 5
  })
  return cookie
}

test('every key and channel starts with KEY_PREFIX', async (t) => {
  const url = await startNode(t, { KEY_PREFIX: 'shop.eu:' })
  const cookie = await writeEveryKey(url)
  const keys = await redis.inspector.keys('*')
  assert.deepEqual(
    keys.filter((key) => !key.startsWith('shop.eu:')),
    [],
  )
  for (const name of [`session:${cookie.slice(4)}`, 'user-sessions:ada', 'nodes', 'events'])
    assert.ok(keys.includes(`shop.eu:${name}`), name)
  assert.deepEqual(await channels(), ['shop.eu:events'])
  const { session } = JSON.parse(await (await getUser(url, cookie)).text())
  assert.equal(session.keyHint, `shop.eu:session:${cookie.slice(4, 10)}`, 'the page shows the key name from this hint')

  await redis.inspector.sAdd('shop.eu:disabled-users', 'ada')
  assert.equal((await logIn(url)).status, 401)
})

test('without KEY_PREFIX, in database 0, the key names are those of the README', async (t) => {
  const url = await startNode(t, {})
  const cookie = await writeEveryKey(url)
  const keys = await redis.inspector.keys('*')
  for (const name of [`session:${cookie.slice(4)}`, 'user-sessions:ada', 'nodes', 'events'])
    assert.ok(keys.includes(name), name)
  assert.deepEqual(await channels(), ['events'])
})

for (const [what, first, second] of [
  ['in databases 1 and 2 of one Redis', { database: '/1' }, { database: '/2' }],
  ['with different prefixes', { KEY_PREFIX: 'a:' }, { KEY_PREFIX: 'b:' }],
] as const) {
  test(`two stacks ${what} share no sessions, no events and no nodes`, async (t) => {
    const start = ({ database = '', ...env }: { database?: string; KEY_PREFIX?: string }, name: string) =>
      startNode(t, { ...env, REDIS_URL: `${redis.url}${database}`, NODE_NAME: name, SESSION_CACHE: 'on' })
    const [left, right] = [await start(first, 'left'), await start(second, 'right')]
    const cookie = cookieOf(await logIn(right))
    const page = await listenTo(right, { cookie })
    await page.message(({ name }) => name === 'hello')

    const foreign = cookieOf(await logIn(left))
    assert.equal((await getUser(left, foreign)).status, 200)
    assert.equal((await getUser(right, foreign)).status, 401)
    await logIn(right)
    await page.message(telling('login', { isReplayed: false }))
    const nodes = page.messages.map(({ data }) => data.node).filter((node) => node !== undefined)
    assert.deepEqual([...new Set(nodes)], ['right'])
    const { nodes: listed } = JSON.parse(await (await fetch(`${right}/api/cluster`)).text())
    assert.deepEqual(
      listed.map(({ name }: { name: string }) => name),
      ['right'],
    )
    page.close()
  })
}

test('two nodes in database 2 are one stack: a logout invalidates the other’s cache, and events reach both', async (t) => {
  const env = { REDIS_URL: `${redis.url}/2`, SESSION_CACHE: 'on', KEY_PREFIX: 'shop:' }
  const left = await startNode(t, { ...env, NODE_NAME: 'left' })
  const right = await startNode(t, { ...env, NODE_NAME: 'right' })
  const cookie = cookieOf(await logIn(left))
  const page = await listenTo(right, { cookie })
  assert.equal((await getUser(right, cookie)).status, 200)
  await logOut(left, cookie)
  await page.message(telling('logout', { node: 'left' }))
  await untilWithin(
    1_000,
    'the other node rejects the session',
    async () => (await getUser(right, cookie)).status === 401,
  )
})
