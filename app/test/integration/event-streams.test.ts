import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { after, before, type TestContext, test } from 'node:test'
import type { StreamLimits } from '../../src/events/stream-places.ts'
import type { Account } from '../../src/users/users.ts'
import { type EventClient, listenTo } from '../lib/event-client.ts'
import { cookieOf, post } from '../lib/http.ts'
import { runNode } from '../lib/program.ts'
import { startTestRedis, type TestRedis } from '../lib/redis-server.ts'
import { newAccount, startTestNode } from '../lib/test-node.ts'
import { until } from '../lib/until.ts'

let redis: TestRedis
let accounts: Account[]
before(async () => {
  redis = await startTestRedis()
  accounts = await Promise.all(['ann', 'bob', 'cy'].map(async (name) => (await newAccount(name)).account))
})
after(() => redis.stop())

/** A node behind a proxy, so that a test can come from many addresses. */
async function start(t: TestContext, streamLimits: Partial<StreamLimits>) {
  const node = await startTestNode(redis.url, { name: t.name, accounts, trustProxyHops: 1, streamLimits })
  const opened: EventClient[] = []
  t.after(async () => {
    for (const page of opened) page.close()
    await node.stop()
  })

  async function open(given: { address?: string; cookie?: string }): Promise<EventClient> {
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
    logIn: async (username: string) =>
      cookieOf(await post(node.url, '/auth/login', { username, password: `secret of ${username}` })),
    openStreams: async () =>
      Number(/^event_streams\{[^}]*} (\d+)/m.exec(await (await fetch(`${node.url}/metrics`)).text())?.[1]),
    url: node.url,
  }
}

const isHello = ({ name }: { name: string }) => name === 'hello'

/** That it is served: it has been greeted, and has not been ended. */
async function assertServed(page: EventClient | undefined, message?: string): Promise<void> {
  assert.equal(page?.status, 200, message)
  await page.message(isHello)
  assert.ok(!page.messages.some(({ name }) => name === 'evicted'), message)
}

/** That it was ended properly, and told to come back later than after any other end. */
async function assertEvicted(page: EventClient | undefined): Promise<void> {
  await until('it is evicted', () => page?.messages.at(-1)?.name === 'evicted', 5_000)
  assert.equal(await page?.ended, 'properly')
  const last = page?.messages.at(-1)
  assert.equal(last?.name, 'evicted')
  assert.ok(Number(last.retryMs) >= 2_500 && Number(last.retryMs) <= 30_000, `retry: ${last.retryMs}`)
}

test('an address that opens more anonymous streams than it has places for displaces its own oldest one', async (t) => {
  const { open, openMany } = await start(t, { perNetwork: 3 })
  const other = await open({ address: '192.0.2.7' })
  const pages = await openMany(5, { address: '192.0.2.1' })
  await assertEvicted(pages[0])
  await assertEvicted(pages[1])
  for (const page of [other, ...pages.slice(2)]) await assertServed(page)
})

test('the addresses of one IPv6 network of 64 bits share their places', async (t) => {
  const { open } = await start(t, { perNetwork: 1 })
  const first = await open({ address: '2001:db8::1' })
  await open({ address: '2001:db8::2' })
  await assertEvicted(first)
})

test('when the anonymous places are full, a newcomer gets one: the oldest stream of the address with the most goes', async (t) => {
  const { open, openMany } = await start(t, { anonymous: 10, perNetwork: 8 })
  const visitor = await open({ address: '192.0.2.7' })
  const crowd = await openMany(8, { address: '192.0.2.1' })
  const smallerCrowd = await openMany(5, { address: '192.0.2.2' })
  for (const page of crowd.slice(0, 4)) await assertEvicted(page)
  const newcomer = await open({ address: '192.0.2.8' })
  for (const page of [visitor, newcomer]) await assertServed(page)
  assert.ok(smallerCrowd.every(({ status }) => status === 200))
})

test('anonymous streams cannot take the places that are reserved for streams with a session', async (t) => {
  const { open, logIn } = await start(t, { total: 8, anonymous: 5 })
  const cookie = await logIn('ann')
  const crowd: EventClient[] = []
  for (let one = 0; one < 20; one++) crowd.push(await open({ address: `192.0.2.${one}` }))
  for (const page of crowd.slice(0, 15)) await assertEvicted(page)
  const pages = await Promise.all([open({ cookie }), open({ cookie }), open({ cookie })])
  for (const page of [...pages, ...crowd.slice(15)]) await assertServed(page)
})

test('when all places are taken, a stream with a session gets that of the oldest anonymous one', async (t) => {
  const { open, logIn } = await start(t, { total: 3, anonymous: 3 })
  const cookie = await logIn('ann')
  const crowd: EventClient[] = []
  for (let one = 0; one < 3; one++) crowd.push(await open({ address: `192.0.2.${one}` }))
  await assertServed(await open({ cookie, address: '192.0.2.1' }))
  await assertEvicted(crowd[0])
  for (const page of crowd.slice(1)) await assertServed(page)
})

test('a user that opens more streams than allowed displaces the oldest of their own', async (t) => {
  const { open, openMany, logIn } = await start(t, { perUser: 3 })
  const other = await open({ cookie: await logIn('bob') })
  const [cookie, second] = [await logIn('ann'), await logIn('ann')]
  const pages = await openMany(3, { cookie })
  const fromAnotherSession = await open({ cookie: second })
  await assertEvicted(pages[0])
  for (const page of [other, ...pages.slice(1), fromAnotherSession]) await assertServed(page)
})

test('when users have all places, the one with the most makes room for one with fewer; otherwise the node is full: 503', async (t) => {
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

test('a full node gives a stream back to nginx, which asks another one, and does not look as if it had failed', async (t) => {
  const { open, url } = await start(t, { total: 0 })
  const answer = await fetch(`${url}/api/events`, { headers: { 'X-May-Turn-Away': '@streams' } })
  assert.equal(answer.status, 503)
  assert.equal(answer.headers.get('X-Accel-Redirect'), '@streams')
  assert.equal(answer.headers.get('Cache-Control'), null)
  assert.equal((await open({})).status, 503)
})

test('the more streams were evicted, the later their clients are told to come back', async (t) => {
  const { openMany } = await start(t, { perNetwork: 1 })
  const pages = await openMany(201, { address: '192.0.2.1' })
  const retriesMs = await Promise.all(
    pages.slice(0, -1).map(async (page) => Number((await page.message(({ name }) => name === 'evicted')).retryMs)),
  )
  const longest = (some: number[]) => Math.max(...some)
  assert.ok(longest(retriesMs.slice(0, 20)) <= 7_000, `${retriesMs.slice(0, 20)}`)
  assert.ok(Math.min(...retriesMs.slice(-20)) >= 10_000, `${retriesMs.slice(-20)}`)
  assert.ok(longest(retriesMs) <= 30_000)
  assert.ok(new Set(retriesMs).size > 100, 'not all at once')
})

test('the connection of an evicted stream is closed, and the place of a page that has gone is free', async (t) => {
  const { open, openStreams } = await start(t, { perNetwork: 2 })
  const one = { address: '192.0.2.1' }
  const pages = [await open(one), await open(one), await open(one), await open(one)]
  await until('those that were evicted are closed', async () => (await openStreams()) === 2)
  pages.pop()?.close()
  await until('it has given its place back', async () => (await openStreams()) === 1)
  await open(one)
  await assertServed(pages[2])
})

/** Linux caps every queue by this; elsewhere it is not known. */
const SOMAXCONN = Number(await readFile('/proc/sys/net/core/somaxconn', 'utf8').catch(() => '0'))
const isTooShort = SOMAXCONN < 1_500 && `this system queues ${SOMAXCONN} connections at most`

test('a burst of 1,000 connections waits for a node that is busy, and does not find it closed', {
  skip: isTooShort,
}, async (t) => {
  const program = runNode('server', { REDIS_URL: redis.url, NODE_NAME: 'busy' })
  const sockets: Socket[] = []
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    program.signal('SIGKILL')
    await program.ended
  })
  const { port } = await program.line(({ msg }) => msg === 'Listening')
  program.signal('SIGSTOP')
  let connected = 0
  for (let one = 0; one < 1_000; one++) {
    const socket = connect(Number(port), '127.0.0.1', () => connected++).on('error', () => {})
    sockets.push(socket)
  }
  await until('all are in the queue', () => connected === 1_000, 5_000)
})
