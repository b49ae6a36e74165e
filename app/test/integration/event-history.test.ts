import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type EventLog, openEventLog } from '../../src/events/event-log.ts'
import { connectRedis } from '../../src/redis/connection.ts'
import { type EventClient, listenTo, type Message, telling } from '../lib/event-client.ts'
import { cookieOf, getUser, post } from '../lib/http.ts'
import { startTestRedis, type TestRedis } from '../lib/redis-server.ts'
import { newAccount, quiet, startTestNode, type TestNode } from '../lib/test-node.ts'
import { until } from '../lib/until.ts'

/** More than all nodes keep of all users. */
const MANY = 2_500

let redis: TestRedis
let node: TestNode
/** A node without a server, which has much to tell. */
let busy: EventLog
const closing: (() => Promise<void>)[] = []
before(async () => {
  redis = await startTestRedis()
  const connection = await connectRedis({ url: redis.url, deadlineMs: 2_000 }, quiet)
  busy = await openEventLog(connection, connection.keys.events(), quiet)
  closing.push(connection.close)
  node = await start('app-1')
})
after(async () => {
  for (const close of closing) await close()
  await redis.stop()
})

async function start(name: string): Promise<TestNode> {
  const accounts = await Promise.all(['ann', 'bob'].map(async (username) => (await newAccount(username)).account))
  const started = await startTestNode(redis.url, { name, accounts })
  closing.push(started.stop)
  return started
}

const logIn = async (username: string) =>
  cookieOf(await post(node.url, '/auth/login', { username, password: `secret of ${username}` }))
const reasonFor = async ({ url }: TestNode, cookie: string) =>
  JSON.parse(await (await getUser(url, cookie)).text()).reason
/** What a page missed it is told with the hello, or never. */
const toldAgain = (page: EventClient, fits: (message: Message) => boolean) =>
  until('it is told what it missed', () => page.messages.some(fits), 5_000)
const isLast = telling('logout', { sessionId: 'the last one' })

/** A user that logs in again and again, as an attacker with one account can. */
async function tellMany(user: string, count: number): Promise<void> {
  const login = { type: 'login', user, node: 'app-9', sessionId: '' } as const
  for (let told = 0; told < count; told += 50)
    await Promise.all(Array.from({ length: 50 }, () => busy.append({ ...login, sessionId: `session ${told}` })))
  await busy.append({ ...login, type: 'logout', sessionId: 'the last one' })
}

test('one user with any number of events pushes out neither the events of another user nor those of nodes', async () => {
  const revoked = await logIn('bob')
  const cookie = await logIn('bob')
  const before = await listenTo(node.url, { cookie })
  await before.message(telling('node_up', { node: 'app-1' }))
  const firstId = (await before.message(telling('login'))).id
  await fetch(`${node.url}/api/sessions`, { method: 'DELETE', headers: { Cookie: cookie } })
  await before.message(telling('revoked'))

  const attacker = await listenTo(node.url, { cookie: await logIn('ann') })
  await tellMany('ann', MANY)
  await attacker.message(isLast)
  const later = await start('app-2')
  for (const one of [node, later]) {
    const again = await listenTo(one.url, { cookie, lastEventId: firstId })
    await toldAgain(again, telling('revoked', { isReplayed: true }))
    assert.deepEqual(
      again.types().filter((type) => type !== 'node_up'),
      ['login', 'revoked'],
      one.name,
    )
    assert.equal((await again.message(({ name }) => name === 'hello')).data.isIncomplete, false)
    assert.equal(await reasonFor(one, revoked), 'revoked')
    const stranger = await listenTo(one.url)
    await toldAgain(stranger, telling('node_up', { node: 'app-1', isReplayed: true }))
    for (const page of [again, stranger]) page.close()
  }

  // The user itself has lost events, and is told so.
  const itself = await listenTo(node.url, { cookie: await logIn('ann'), lastEventId: firstId })
  assert.equal((await itself.message(({ name }) => name === 'hello')).data.isIncomplete, true)
  await itself.message(isLast)
  for (const page of [before, attacker, itself]) page.close()
})

test('the events of any number of users take a bounded room in Redis, and those of the last ones are there', async () => {
  for (let user = 0; user < 60; user++) await tellMany(`user-${user}`, 100)
  await until('what has made room is deleted', async () => {
    await busy.append({ type: 'logout', user: 'last', sessionId: 'the last one', node: 'app-9' })
    return (await redis.inspector.xLen('events')) <= 2_210
  })
  const bytes = await redis.inspector.memoryUsage('events')
  assert.ok(bytes !== null && bytes < 2_000_000, `${bytes} bytes`)
  const page = await listenTo(node.url, { cookie: await logIn('bob') })
  await toldAgain(page, telling('login', { user: 'bob', isReplayed: true }))
  page.close()
})
