import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { request } from 'node:http'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { appendAndPublish } from 'app/redis/append-and-publish'
import type { Account } from 'app/users/users'
import { listenTo, telling } from '../support/event-client.ts'
import { cookieOf, getUser, logIn, logOut, readMetric, send } from '../support/http.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { startStopwatch, untilWithin } from '../support/stopwatch.ts'
import { connectTo, newAccount, startTestNode, type TestNode } from '../support/test-node.ts'
import { until } from '../support/until.ts'

const NAMES = ['ann', 'bob', 'cy', 'dee', 'eve', 'flo', 'gus', 'hal', 'ida', 'jay', 'kim', 'lee'] as const
type Name = (typeof NAMES)[number]

let redis: TestRedis
let left: TestNode
let right: TestNode
before(async () => {
  redis = await startTestRedis()
  const accounts: Account[] = await Promise.all(NAMES.map(async (name) => (await newAccount(name)).account))
  left = await startTestNode(redis.address, { name: 'left', accounts, session: { renewSeconds: 0 } })
  right = await startTestNode(redis.address, { name: 'right', accounts, session: { renewSeconds: 0, maxPerUser: 3 } })
})
after(async () => {
  await Promise.all([left.stop(), right.stop()])
  await redis.stop()
})

const logInAs = async (node: TestNode, username: Name, cookie = '') =>
  cookieOf(await logIn(node.url, { username, password: `secret of ${username}` }, { Cookie: cookie }))
const revokeOthers = (node: TestNode, cookie: string) => send(node.url, '/api/sessions', { method: 'DELETE', cookie })
const read = async (response: Response) => JSON.parse(await response.text())
const openStreams = () => readMetric(left.url, 'event_streams')
const idOf = async (node: TestNode, cookie: string) => (await read(await getUser(node.url, cookie))).session.id

test('a page receives the session events of its user from every node without delay', async () => {
  const cookie = await logInAs(left, 'ann')
  const page = await listenTo(right.url, { cookie })
  const hello = await page.message(({ name }) => name === 'hello')
  assert.equal(hello.data.user, 'ann')
  assert.equal(hello.data.node, 'right')
  assert.ok(Math.abs(Number(hello.data.now) - Date.now()) < 1_000)
  const other = await logInAs(left, 'ann')
  const login = await page.message(telling('login', { isReplayed: false }))
  assert.deepEqual(Object.keys(login.data).sort(), ['at', 'isReplayed', 'node', 'sessionId', 'type', 'user'])
  assert.equal(login.data.sessionId, await idOf(left, other))
  assert.equal(login.data.node, 'left')
  await logOut(left.url, other)
  await page.message(telling('logout', { sessionId: login.data.sessionId }))
  page.close()
})

test('a page receives no session event of another user; without a session it receives only node events', async () => {
  const eavesdropper = await listenTo(left.url, { cookie: await logInAs(left, 'bob') })
  const stranger = await listenTo(left.url)
  const witness = await logInAs(left, 'cy')
  const owner = await listenTo(left.url, { cookie: witness })
  await logOut(right.url, await logInAs(right, 'cy'))
  await owner.message(telling('logout'))
  // All three streams receive this event later, in the same order.
  const newcomer = await startTestNode(redis.address, { name: `guest-${randomUUID().slice(0, 8)}`, accounts: [] })
  for (const page of [eavesdropper, stranger, owner]) await page.message(telling('node_up', { node: newcomer.name }))
  await newcomer.stop()
  for (const page of [eavesdropper, stranger, owner]) await page.message(telling('node_gone', { node: newcomer.name }))
  assert.ok(eavesdropper.messages.every(({ data }) => data.user === undefined || data.user === 'bob'))
  assert.ok(stranger.messages.every(({ name, data }) => name !== 'message' || data.user === undefined))
  for (const page of [eavesdropper, stranger, owner]) {
    assert.ok(!JSON.stringify(page.messages).includes(witness.slice(4)), 'a stream contains a token')
    page.close()
  }
})

test('a page that reconnects to another node receives exactly the events that it missed', async () => {
  const cookie = await logInAs(left, 'dee')
  const page = await listenTo(left.url, { cookie })
  await logOut(right.url, await logInAs(right, 'dee'))
  const last = await page.message(telling('logout'))
  page.close()
  for (let visit = 0; visit < 3; visit++) await logOut(left.url, await logInAs(left, 'dee'))
  const pages = [
    await listenTo(right.url, { cookie, lastEventId: last.id }),
    await listenTo(right.url, { cookie, path: `/api/events?after=${last.id}` }),
  ]
  await logOut(left.url, await logInAs(left, 'dee'))
  for (const again of pages) {
    await until('the page has received all events', () => again.types().length >= 8)
    assert.deepEqual(again.types(), Array(4).fill(['login', 'logout']).flat())
    assert.equal((await again.message(({ name }) => name === 'hello')).data.isIncomplete, false)
    assert.equal(again.messages.filter(({ data }) => data.isReplayed).length, 6)
    again.close()
  }
})

test('a page that missed 900 events receives all of them at once', async (t) => {
  const cookie = await logInAs(left, 'dee')
  const last = await redis.inspector.xAdd('events', '*', { event: JSON.stringify({ type: 'node_up', node: 'first' }) })
  const connection = await connectTo(redis.address, { deadlineMs: 1_000 })
  t.after(connection.close)
  for (let index = 0; index < 900; index++) {
    const event = { type: 'login', user: 'dee', sessionId: `session-${index}`.padEnd(22, '-'), node: 'far' }
    await connection.run('events', (client) =>
      appendAndPublish(client, 'events', { channel: 'events', text: JSON.stringify(event), most: 1_000 }),
    )
  }
  const page = await listenTo(left.url, { cookie, lastEventId: last })
  await until(
    'the page has received all events',
    () => page.messages.filter(telling('login', { node: 'far' })).length === 900,
  )
  page.close()
})

test('a page whose last event id is no longer stored receives a gap event; an invalid id counts as none', async () => {
  for (const lastEventId of ['1-0', '1-1']) {
    const page = await listenTo(left.url, { lastEventId })
    assert.equal((await page.message(({ name }) => name === 'hello')).data.isIncomplete, true)
    page.close()
  }
  for (const path of [
    '/api/events?after=',
    '/api/events?after=*',
    '/api/events?after=1-0%0Aevent:x',
    '/api/events?x',
  ]) {
    const page = await listenTo(left.url, { path })
    assert.equal((await page.message(({ name }) => name === 'hello')).data.isIncomplete, false)
    page.close()
  }
})

test('an event stream sends the reason and ends when its session ends', async () => {
  for (const [type, end] of [
    ['logout', (cookie: string) => logOut(right.url, cookie)],
    ['revoked', async () => revokeOthers(right, await logInAs(right, 'eve'))],
    ['replaced', (cookie: string) => logInAs(right, 'eve', cookie)],
    [
      'made_room',
      async () => {
        for (let login = 0; login < 3; login++) await logInAs(right, 'eve')
      },
    ],
  ] as const) {
    const cookie = await logInAs(left, 'eve')
    const sessionId = await idOf(left, cookie)
    const page = await listenTo(left.url, { cookie })
    await end(cookie)
    assert.equal(await page.ended, 'properly')
    assert.deepEqual(page.messages.at(-1)?.data.sessionId, sessionId)
    assert.deepEqual(page.messages.at(-1)?.data.type, type)
    await revokeOthers(left, await logInAs(left, 'eve'))
  }
})

test('a 401 for an ended session states the reason; a 401 for an unknown token states none', async () => {
  const reasonFor = async (cookie: string) => {
    const response = await getUser(left.url, cookie)
    assert.equal(response.status, 401)
    return (await read(response)).reason
  }
  const first = await logInAs(left, 'flo')
  await logOut(right.url, first)
  await until('the other node knows the reason', async () => (await reasonFor(first)) === 'logout')
  const second = await logInAs(left, 'flo')
  const third = await logInAs(right, 'flo', second)
  await until('the other node knows the reason', async () => (await reasonFor(second)) === 'replaced')
  const fourth = await logInAs(right, 'flo')
  await revokeOthers(right, fourth)
  await until('the other node knows the reason', async () => (await reasonFor(third)) === 'revoked')
  assert.equal(await reasonFor(`sid=${'z'.repeat(43)}`), undefined)
  // The session disappeared without an event and before it could expire, so the reason is unknown.
  await redis.inspector.del(`session:${fourth.slice(4)}`)
  assert.equal(await reasonFor(fourth), undefined)
})

test('the 401 of a session past its idle timeout states the reason, also after its token was rotated', async (t) => {
  const node = await startTestNode(redis.address, {
    name: 'short',
    accounts: [(await newAccount('gus')).account],
    // Long enough for a slow machine to use the session before it expires.
    session: { ttlSeconds: 3, renewSeconds: 0, rotateSeconds: 1, rotateGraceSeconds: 1 },
  })
  t.after(() => node.stop())
  const cookie = await logInAs(node, 'gus')
  const rotated = await until('a normal request replaces the token', async () =>
    cookieOf(await getUser(node.url, cookie)),
  )
  const reason = async (which: string) => {
    const response = await send(node.url, '/api/sessions', { cookie: which })
    return response.status === 401 ? ((await read(response)).reason ?? 'unknown') : ''
  }
  await until('the rotated session has expired', async () => (await reason(rotated)) === 'expired')
  // The old token was replaced, it did not expire. The node knows nothing else about it.
  assert.equal(await reason(cookie), 'unknown')
})

test('the 401 of a session past its absolute timeout states the reason', async (t) => {
  const node = await startTestNode(redis.address, {
    name: 'finite',
    accounts: [(await newAccount('gus')).account],
    session: { absoluteSeconds: 1, renewSeconds: 0 },
  })
  t.after(() => node.stop())
  const cookie = await logInAs(node, 'gus')
  const refused = await until('the session is at its absolute timeout', async () => {
    const response = await getUser(node.url, cookie)
    return response.status === 401 ? response : undefined
  })
  assert.equal((await read(refused)).reason, 'expired')
})

test('the correct password of a disabled account ends no session and gets the same response as a wrong one', async () => {
  const brought = await logInAs(left, 'hal')
  // The session limit of the node `right`: one more login would evict the oldest session.
  const sessions = [await logInAs(right, 'ida'), await logInAs(right, 'ida'), await logInAs(right, 'ida')]
  const listed = await redis.inspector.zCard('user-sessions:ida')
  const page = await listenTo(right.url, { cookie: brought })
  const owner = await listenTo(right.url, { cookie: sessions[0] ?? '' })
  await redis.inspector.sAdd('disabled-users', 'ida')
  try {
    for (let attempt = 0; attempt < 12; attempt++) {
      const tryWith = (password: string) => logIn(right.url, { username: 'ida', password }, { Cookie: brought })
      const [wrongly, rightly] = [await tryWith('wrong'), await tryWith('secret of ida')]
      assert.equal(rightly.status, 401)
      assert.deepEqual(rightly.headers.getSetCookie(), [])
      assert.equal(await rightly.text(), await wrongly.text())
    }
  } finally {
    await redis.inspector.sRem('disabled-users', 'ida')
  }
  for (const cookie of [brought, ...sessions]) assert.equal((await getUser(right.url, cookie)).status, 200)
  assert.equal(await redis.inspector.zCard('user-sessions:ida'), listed)
  for (const one of [page, owner]) {
    const told = one.messages.filter(({ data }) => data.isReplayed === false)
    assert.deepEqual(told, [])
    one.close()
  }
})

test('an open page does not extend its session, and its stream ends when the session expires', async (t) => {
  const node = await startTestNode(redis.address, {
    name: 'brief',
    accounts: [(await newAccount('hal')).account],
    session: { ttlSeconds: 4, renewSeconds: 0 },
  })
  t.after(() => node.stop())
  // The first login of a node takes longer, because it loads the program that checks passwords.
  await logInAs(node, 'hal')
  const login = await logIn(node.url, { username: 'hal', password: 'secret of hal' })
  const cookie = cookieOf(login)
  const { session } = await read(login)
  const sinceLogin = startStopwatch()
  const page = await listenTo(node.url, { cookie })
  // From here on, a use would extend the session beyond its remaining time.
  await until('the session has used half of its time', () => Date.parse(session.expiresAt) - Date.now() < 1_600)
  const again = await listenTo(node.url, { cookie })
  assert.equal((await again.message(({ name }) => name === 'hello')).data.user, 'hal')
  await send(node.url, '/api/sessions', { cookie })
  assert.equal(await page.ended, 'properly')
  assert.equal(await again.ended, 'properly')
  sinceLogin.assertWithin(4_900, 'closing the streams of a session of four seconds')
  await untilWithin(500, 'the session is expired', async () => (await getUser(node.url, cookie)).status === 401)
})

test('while Redis is down, an open page stays connected and is notified; afterwards it receives the events that it missed', async () => {
  const cookie = await logInAs(left, 'ida')
  const page = await listenTo(left.url, { cookie })
  const elsewhere = await listenTo(right.url)
  // Stopped, not killed: a killed Redis may lose its last writes, and with them the session.
  redis.pause()
  await page.message(telling('redis_lost', { node: 'left' }))
  await elsewhere.message(telling('redis_lost', { node: 'right' }))
  const late = await listenTo(left.url)
  assert.equal((await late.message(({ name }) => name === 'hello')).data.isBehind, true)
  late.close()
  redis.resume()
  await page.message(telling('redis_back', { node: 'left' }))
  await page.message(telling('redis_back', { node: 'right' }))
  await until('a new page is told that it gets all events', async () => {
    const later = await listenTo(left.url)
    const { data } = await later.message(({ name }) => name === 'hello')
    later.close()
    return data.isBehind === false
  })
  await until('the session is accepted again', async () => (await getUser(right.url, cookie)).status === 200)
  await until('a login and its logout succeed', async () => {
    const other = await logInAs(right, 'ida')
    return other !== '' && (await logOut(right.url, other)).status === 204
  })
  await page.message(telling('logout'))
  page.close()
  elsewhere.close()
})

test('a node sends events that were published while it was disconnected as soon as it is connected again', async () => {
  const cookie = await logInAs(left, 'jay')
  const page = await listenTo(left.url, { cookie })
  await page.message(({ name }) => name === 'hello')
  const missed = { type: 'revoked', user: 'jay', sessionId: 'elsewhere', node: 'far' }
  // Only appended to the stream, as if it had been published without a subscriber. First, because a node reconnects at once.
  await redis.inspector.xAdd('events', '*', { event: JSON.stringify(missed) })
  await redis.inspector.clientKill({ filter: 'TYPE', type: 'pubsub' })
  await page.message(telling('revoked', { sessionId: 'elsewhere', isReplayed: false }))
  page.close()
})

test('a page that missed more events than are kept receives a gap event', async () => {
  const page = await listenTo(left.url)
  await page.message(({ name }) => name === 'hello')
  const { start } = await holdBackConnections()
  await redis.inspector.xTrim('events', 'MAXLEN', 0)
  await redis.inspector.xAdd('events', '*', { event: JSON.stringify({ type: 'node_up', node: 'late' }) })
  await start()
  await page.message(({ name }) => name === 'gap')
  await page.message(telling('node_up', { node: 'late' }))
  page.close()
})

test('pings carry the newest event id, so an idle page that reconnects has missed nothing', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const node = await startTestNode(redis.address, { name: 'pinging', accounts: [] })
  t.after(() => node.stop())
  const stranger = await listenTo(node.url)
  await logInAs(left, 'kim')
  const newest = async () => (await redis.inspector.xRevRange('events', '+', '-', { COUNT: 1 }))?.[0]?.id
  const id = await newest()
  await until('a ping has the newest id', async () => {
    t.mock.timers.tick(15_000)
    return stranger.messages.some((message) => message.name === 'ping' && message.id === id)
  })
  stranger.close()
  t.mock.timers.reset()
})

test('with a full Redis, events are not stored but still sent to pages', async () => {
  const cookie = await logInAs(left, 'kim')
  const page = await listenTo(right.url, { cookie })
  const other = await logInAs(left, 'kim')
  const sessionId = await idOf(left, other)
  await redis.inspector.configSet('maxmemory', '1')
  try {
    assert.equal((await logOut(left.url, other)).status, 204)
    assert.equal((await page.message(telling('logout', { sessionId }))).id, '')
  } finally {
    await redis.inspector.configSet('maxmemory', '0')
  }
  page.close()
})

test('/api/events answers HEAD immediately, rejects other methods (405), and is 503 with a session while Redis is down', async () => {
  const head = request(`${left.url}/api/events`, { method: 'HEAD' })
  const status = await new Promise((resolve) => {
    head.on('response', (response) => response.resume().on('end', () => resolve(response.statusCode)))
    head.end()
  })
  assert.equal(status, 200)
  assert.equal((await send(left.url, '/api/events', { method: 'POST', json: {} })).status, 405)
  const cookie = await logInAs(left, 'lee')
  redis.pause()
  try {
    const answer = await send(left.url, '/api/events', { cookie })
    assert.equal(answer.status, 503)
    assert.equal(answer.headers.get('Retry-After'), '1')
    const stranger = await listenTo(left.url)
    assert.equal(stranger.status, 200)
    stranger.close()
  } finally {
    redis.resume()
  }
})

test('a page that disconnects before its session is read leaves no open stream', async () => {
  const cookie = await logInAs(left, 'lee')
  await until('no stream of another test is open', async () => (await openStreams()) === 0)
  redis.pause()
  const gone = request(`${left.url}/api/events`, { headers: { Cookie: cookie }, agent: false }).on('error', () => {})
  await new Promise<void>((resolve) => gone.end(resolve))
  // These requests are answered after the stream request has arrived, then after it is closed.
  await fetch(`${left.url}/livez`)
  gone.destroy()
  await fetch(`${left.url}/livez`)
  redis.resume()
  await until('the session is accepted again', async () => (await getUser(left.url, cookie)).status === 200)
  assert.equal(await openStreams(), 0)
})

test('the node closes the stream of a page that does not read, and frees its memory', async () => {
  await until('no stream of another test is open', async () => (await openStreams()) === 0)
  const socket = connect(Number(new URL(left.url).port), '127.0.0.1')
  socket.on('error', () => {})
  socket.write('GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n')
  socket.pause()
  await until('the stream is open', async () => (await openStreams()) === 1)
  const event = JSON.stringify({ type: 'node_up', node: 'x'.repeat(60_000) })
  await until('the node closes the stream', async () => {
    for (let sent = 0; sent < 20; sent++) await redis.inspector.publish('events', ` ${event}`)
    return (await openStreams()) === 0
  })
  socket.destroy()
})

/** Prevents both nodes from reconnecting to Redis until released. */
async function holdBackConnections() {
  await redis.inspector.sendCommand(['ACL', 'SETUSER', 'default', '-subscribe'])
  await redis.inspector.clientKill({ filter: 'TYPE', type: 'pubsub' })
  return {
    start: () => redis.inspector.sendCommand(['ACL', 'SETUSER', 'default', '+subscribe']),
  }
}
