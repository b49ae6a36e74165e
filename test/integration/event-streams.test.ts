import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { after, before, type TestContext, test } from 'node:test'
import type { StreamLimits } from 'app/events/stream-places'
import type { Account } from 'app/users/users'
import { type EventClient, listenTo } from '../support/event-client.ts'
import { cookieOf, logIn, readMetric, send } from '../support/http.ts'
import { runNode } from '../support/program.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { untilWithin } from '../support/stopwatch.ts'
import { newAccount, startTestNode } from '../support/test-node.ts'
import { until } from '../support/until.ts'

let redis: TestRedis
let accounts: Account[]
before(async () => {
  redis = await startTestRedis()
  accounts = await Promise.all(['ann', 'bob', 'cy'].map(async (name) => (await newAccount(name)).account))
})
after(() => redis.stop())

let nodes = 0
/** A node behind a proxy, so a test can claim many client addresses. */
async function start(t: TestContext, streamLimits: Partial<StreamLimits>) {
  const node = await startTestNode(redis.url, { name: `node-${++nodes}`, accounts, trustProxyHops: 1, streamLimits })
  const opened: EventClient[] = []
  t.after(async () => {
    for (const page of opened) page.close()
    await node.stop()
  })

  async function open(given: { address?: string; cookie?: string; lastEventId?: string }): Promise<EventClient> {
    const page = await listenTo(node.url, given)
    opened.push(page)
    return page
  }

  return {
    open,
    async openMany(count: number, given: { address?: string; cookie?: string }) {
      const pages: EventClient[] = []
      for (let one = 0; one < count; one++) pages.push(await open(given))
      return pages
    },
    logIn: async (username: string) => cookieOf(await logIn(node.url, { username, password: `secret of ${username}` })),
    openStreams: () => readMetric(node.url, 'event_streams'),
    url: node.url,
  }
}

const isHello = ({ name }: { name: string }) => name === 'hello'

/** Asserts that the stream is open: it has received its hello and has not ended. */
async function assertServed(page: EventClient | undefined, message?: string): Promise<void> {
  assert.equal(page?.status, 200, message)
  await page.message(isHello)
  assert.ok(!page.messages.some(({ name }) => name === 'evicted'), message)
}

/** Asserts that the stream was evicted with a longer retry time than after any other end. */
async function assertEvicted(page: EventClient | undefined): Promise<void> {
  await untilWithin(5_000, 'the stream is evicted', () => page?.messages.at(-1)?.name === 'evicted')
  assert.equal(await page?.ended, 'properly')
  const last = page?.messages.at(-1)
  assert.equal(last?.name, 'evicted')
  assert.ok(Number(last.retryMs) >= 2_500 && Number(last.retryMs) <= 30_000, `retry: ${last.retryMs}`)
}

test('an address above its limit of anonymous streams evicts its own oldest stream', async (t) => {
  const { open, openMany } = await start(t, { perNetwork: 3 })
  const other = await open({ address: '192.0.2.7' })
  const pages = await openMany(5, { address: '192.0.2.1' })
  await assertEvicted(pages[0])
  await assertEvicted(pages[1])
  for (const page of [other, ...pages.slice(2)]) await assertServed(page)
})

test('the addresses of one IPv6 /64 network share one limit of anonymous streams', async (t) => {
  const { open } = await start(t, { perNetwork: 1 })
  const first = await open({ address: '2001:db8::1' })
  await open({ address: '2001:db8::2' })
  await assertEvicted(first)
})

test('at the limit of anonymous streams, a new one evicts the oldest stream of the address with the most', async (t) => {
  const { open, openMany } = await start(t, { anonymous: 10, perNetwork: 8 })
  const visitor = await open({ address: '192.0.2.7' })
  const crowd = await openMany(8, { address: '192.0.2.1' })
  const smallerCrowd = await openMany(5, { address: '192.0.2.2' })
  for (const page of crowd.slice(0, 4)) await assertEvicted(page)
  const newcomer = await open({ address: '192.0.2.8' })
  for (const page of [visitor, newcomer]) await assertServed(page)
  assert.ok(smallerCrowd.every(({ status }) => status === 200))
})

test('anonymous streams cannot use the places reserved for streams with a session', async (t) => {
  const { open, logIn } = await start(t, { total: 8, anonymous: 5 })
  const cookie = await logIn('ann')
  const crowd: EventClient[] = []
  for (let one = 0; one < 20; one++) crowd.push(await open({ address: `192.0.2.${one}` }))
  for (const page of crowd.slice(0, 15)) await assertEvicted(page)
  const pages = await Promise.all([open({ cookie }), open({ cookie }), open({ cookie })])
  for (const page of [...pages, ...crowd.slice(15)]) await assertServed(page)
})

test('on a full node, a stream with a session evicts the oldest anonymous stream', async (t) => {
  const { open, logIn } = await start(t, { total: 3, anonymous: 3 })
  const cookie = await logIn('ann')
  const crowd: EventClient[] = []
  for (let one = 0; one < 3; one++) crowd.push(await open({ address: `192.0.2.${one}` }))
  await assertServed(await open({ cookie, address: '192.0.2.1' }))
  await assertEvicted(crowd[0])
  for (const page of crowd.slice(1)) await assertServed(page)
})

test('a user above the stream limit evicts its own oldest stream', async (t) => {
  const { open, openMany, logIn } = await start(t, { perUser: 3 })
  const other = await open({ cookie: await logIn('bob') })
  const [cookie, second] = [await logIn('ann'), await logIn('ann')]
  const pages = await openMany(3, { cookie })
  const fromAnotherSession = await open({ cookie: second })
  await assertEvicted(pages[0])
  for (const page of [other, ...pages.slice(1), fromAnotherSession]) await assertServed(page)
})

test('on a node full of users’ streams, a new one evicts a stream of the user with the most, or is 503', async (t) => {
  const { open, openMany, logIn, url } = await start(t, { total: 4 })
  const [ann, bob, cy] = [await logIn('ann'), await logIn('bob'), await logIn('cy')]
  const pages = await openMany(4, { cookie: ann })
  await open({ cookie: bob })
  await open({ cookie: bob })
  await assertEvicted(pages[0])
  await assertEvicted(pages[1])
  for (const cookie of [ann, bob, undefined]) {
    const refused = await fetch(`${url}/api/events`, { headers: cookie === undefined ? {} : { Cookie: cookie } })
    assert.equal(refused.status, 503)
    assert.equal(refused.headers.get('Retry-After'), '1')
  }
  await assertServed(await open({ cookie: cy }))
})

test('a full node’s 503 makes nginx retry the stream on another node without marking this node as failed', async (t) => {
  const { open, url } = await start(t, { total: 0 })
  const answer = await fetch(`${url}/api/events`, { headers: { 'X-Retry-Location': '@retry_stream' } })
  assert.equal(answer.status, 503)
  assert.equal(answer.headers.get('X-Accel-Redirect'), '@retry_stream')
  assert.equal(answer.headers.get('Cache-Control'), null)
  assert.equal((await open({})).status, 503)
})

test('the retry time of evicted streams grows with their number', async (t) => {
  const { openMany } = await start(t, { perNetwork: 1 })
  const pages = await openMany(201, { address: '192.0.2.1' })
  const retriesMs = await Promise.all(
    pages.slice(0, -1).map(async (page) => Number((await page.message(({ name }) => name === 'evicted')).retryMs)),
  )
  const longest = (some: number[]) => Math.max(...some)
  assert.ok(longest(retriesMs.slice(0, 20)) <= 7_000, `${retriesMs.slice(0, 20)}`)
  assert.ok(Math.min(...retriesMs.slice(-20)) >= 10_000, `${retriesMs.slice(-20)}`)
  assert.ok(longest(retriesMs) <= 30_000)
  assert.ok(new Set(retriesMs).size > 100, 'the retry times are spread')
})

test('the connection of an evicted stream is closed, and a stream closed by its page frees its place', async (t) => {
  const { open, openStreams } = await start(t, { perNetwork: 2 })
  const one = { address: '192.0.2.1' }
  const pages = [await open(one), await open(one), await open(one), await open(one)]
  await until('the evicted streams are closed', async () => (await openStreams()) === 2)
  pages.pop()?.close()
  await until('the closed stream is no longer counted', async () => (await openStreams()) === 1)
  await open(one)
  await assertServed(pages[2])
})

/** Linux limits every listen queue to this. The value is unknown on other systems. */
const SOMAXCONN = Number(await readFile('/proc/sys/net/core/somaxconn', 'utf8').catch(() => '0'))
const isTooShort = SOMAXCONN < 1_500 && `this system queues at most ${SOMAXCONN} connections`

test('a busy node queues a burst of 1,000 connections and rejects none', {
  skip: isTooShort,
}, async (t) => {
  const program = runNode('server', { REDIS_URL: redis.url, NODE_NAME: 'busy' })
  const sockets: Socket[] = []
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    program.signal('SIGKILL')
    await program.ended
  })
  const { port } = await program.listening()
  program.signal('SIGSTOP')
  let connected = 0
  for (let one = 0; one < 1_000; one++) {
    const socket = connect(port, '127.0.0.1', () => connected++).on('error', () => {})
    sockets.push(socket)
  }
  await untilWithin(5_000, 'all connections are in the queue', () => connected === 1_000)
})

test('a stream that opens at the moment of its logout ends, and the next one that knows of it does not', async (t) => {
  const { open, logIn, url } = await start(t, {})
  const cookie = await logIn('ann')
  const { session } = JSON.parse(await (await send(url, '/api/user', { cookie })).text())
  // The end of this session reaches the node after it has read the session.
  const text = JSON.stringify({ type: 'logout', user: 'ann', sessionId: session.id, node: 'another' })
  const id = await redis.inspector.xAdd('events', '*', { event: text })
  await redis.inspector.publish('events', `${id} ${text}`)
  const page = await until('the node knows of the logout', async () => {
    const opened = await open({ cookie })
    await opened.message(isHello)
    if (opened.types().includes('logout')) return opened
    opened.close()
    return undefined
  })
  assert.equal(await page.ended, 'properly')
  // The session lives, for example because a Redis without replicas has lost the logout. The page must not reconnect again and again.
  await assertServed(await open({ cookie, lastEventId: id }))
})
