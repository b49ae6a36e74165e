import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type EventLog, openEventLog } from 'app/events/event-log'
import { connectRedis } from 'app/redis/connect'
import { type EventClient, listenTo, type Message, telling } from '../support/event-client.ts'
import { cookieOf, getUser, logIn, send } from '../support/http.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { untilWithin } from '../support/stopwatch.ts'
import { newAccount, quiet, startTestNode, type TestNode } from '../support/test-node.ts'
import { until } from '../support/until.ts'

/** More events than all nodes keep for all users. */
const MANY = 2_500

let redis: TestRedis
let node: TestNode
/** A node without a server that publishes many events. */
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

const logInAs = async (username: string) =>
  cookieOf(await logIn(node.url, { username, password: `secret of ${username}` }))
const reasonFor = async ({ url }: TestNode, cookie: string) =>
  JSON.parse(await (await getUser(url, cookie)).text()).reason
/** Waits for an event that the page missed. Missed events arrive with the hello or never. */
const toldAgain = (page: EventClient, fits: (message: Message) => boolean) =>
  untilWithin(5_000, 'the page receives the event that it missed', () => page.messages.some(fits))
const isLast = telling('logout', { sessionId: 'the last one' })

/** A user that logs in repeatedly, as an attacker with one account can. */
async function tellMany(user: string, count: number): Promise<void> {
  const login = { type: 'login', user, node: 'app-9', sessionId: '' } as const
  for (let told = 0; told < count; told += 50)
    await Promise.all(Array.from({ length: 50 }, () => busy.append({ ...login, sessionId: `session ${told}` })))
  await busy.append({ ...login, type: 'logout', sessionId: 'the last one' })
}

test('the events of one user, however many, evict neither those of other users nor those of nodes', async () => {
  const revoked = await logInAs('bob')
  const cookie = await logInAs('bob')
  const before = await listenTo(node.url, { cookie })
  await before.message(telling('node_up', { node: 'app-1' }))
  const firstId = (await before.message(telling('login'))).id
  await send(node.url, '/api/sessions', { method: 'DELETE', cookie })
  await before.message(telling('revoked'))

  const attacker = await listenTo(node.url, { cookie: await logInAs('ann') })
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

  // This user has lost events and is notified of the gap.
  const itself = await listenTo(node.url, { cookie: await logInAs('ann'), lastEventId: firstId })
  assert.equal((await itself.message(({ name }) => name === 'hello')).data.isIncomplete, true)
  await itself.message(isLast)
  for (const page of [before, attacker, itself]) page.close()
})

test('the event histories of any number of users use limited memory in Redis, and the newest remain', async () => {
  for (let user = 0; user < 60; user++) await tellMany(`user-${user}`, 100)
  await until('the oldest histories are evicted', async () => {
    await busy.append({ type: 'logout', user: 'last', sessionId: 'the last one', node: 'app-9' })
    return (await redis.inspector.xLen('events')) <= 2_210
  })
  const bytes = await redis.inspector.memoryUsage('events')
  assert.ok(bytes !== null && bytes < 2_000_000, `${bytes} bytes`)
  const page = await listenTo(node.url, { cookie: await logInAs('bob') })
  await toldAgain(page, telling('login', { user: 'bob', isReplayed: true }))
  page.close()
})
