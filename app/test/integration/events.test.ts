import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { request } from 'node:http'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { appendAndPublish } from '../../src/redis/append-and-publish.ts'
import { connectRedis } from '../../src/redis/connection.ts'
import type { Account } from '../../src/users/users.ts'
import { listenTo, telling } from '../lib/event-client.ts'
import { cookieOf, getUser, post } from '../lib/http.ts'
import { startTestRedis, type TestRedis } from '../lib/redis-server.ts'
import { newAccount, quiet, startTestNode, type TestNode } from '../lib/test-node.ts'
import { until } from '../lib/until.ts'

const NAMES = ['ann', 'bob', 'cy', 'dee', 'eve', 'flo', 'gus', 'hal', 'ida', 'jay', 'kim', 'lee'] as const
type Name = (typeof NAMES)[number]

let redis: TestRedis
let left: TestNode
let right: TestNode
before(async () => {
  redis = await startTestRedis()
  const accounts: Account[] = await Promise.all(NAMES.map(async (name) => (await newAccount(name)).account))
  left = await startTestNode(redis.url, { name: 'left', accounts, session: { renewSeconds: 0 } })
  right = await startTestNode(redis.url, { name: 'right', accounts, session: { renewSeconds: 0, maxPerUser: 3 } })
})
after(async () => {
  await Promise.all([left.stop(), right.stop()])
  await redis.stop()
})

const logIn = async (node: TestNode, username: Name, cookie = '') =>
  cookieOf(await post(node.url, '/auth/login', { username, password: `secret of ${username}` }, { Cookie: cookie }))
const logOut = (node: TestNode, cookie: string) => post(node.url, '/auth/logout', {}, { Cookie: cookie })
const revokeOthers = (node: TestNode, cookie: string) =>
  fetch(`${node.url}/api/sessions`, { method: 'DELETE', headers: { Cookie: cookie } })
const read = async (response: Response) => JSON.parse(await response.text())
const openStreams = async () =>
  Number(/^event_streams\{[^}]*} (\d+)/m.exec(await (await fetch(`${left.url}/metrics`)).text())?.[1])
const idOf = async (node: TestNode, cookie: string) => (await read(await getUser(node.url, cookie))).session.id

test('a page hears what happens to the sessions of its user, on whichever node, as it happens', async () => {
  const cookie = await logIn(left, 'ann')
  const page = await listenTo(right.url, { cookie })
  const hello = await page.message(({ name }) => name === 'hello')
  assert.equal(hello.data.user, 'ann')
  assert.equal(hello.data.node, 'right')
  assert.ok(Math.abs(Number(hello.data.now) - Date.now()) < 1_000)
  const other = await logIn(left, 'ann')
  const login = await page.message(telling('login', { isReplayed: false }))
  assert.deepEqual(Object.keys(login.data).sort(), ['at', 'isReplayed', 'node', 'sessionId', 'type', 'user'])
  assert.equal(login.data.sessionId, await idOf(left, other))
  assert.equal(login.data.node, 'left')
  await logOut(left, other)
  await page.message(telling('logout', { sessionId: login.data.sessionId }))
  page.close()
})

test('nobody hears what happens to the sessions of somebody else, and without a session only nodes are heard of', async () => {
  const eavesdropper = await listenTo(left.url, { cookie: await logIn(left, 'bob') })
  const stranger = await listenTo(left.url)
  const witness = await logIn(left, 'cy')
  const owner = await listenTo(left.url, { cookie: witness })
  await logOut(right, await logIn(right, 'cy'))
  await owner.message(telling('logout'))
  // What all three are told comes after it, in the same order on each stream.
  const newcomer = await startTestNode(redis.url, { name: `guest-${randomUUID().slice(0, 8)}`, accounts: [] })
  for (const page of [eavesdropper, stranger, owner]) await page.message(telling('node_up', { node: newcomer.name }))
  await newcomer.stop()
  for (const page of [eavesdropper, stranger, owner]) await page.message(telling('node_gone', { node: newcomer.name }))
  assert.ok(eavesdropper.messages.every(({ data }) => data.user === undefined || data.user === 'bob'))
  assert.ok(stranger.messages.every(({ name, data }) => name !== 'message' || data.user === undefined))
  for (const page of [eavesdropper, stranger, owner]) {
    assert.ok(!JSON.stringify(page.messages).includes(witness.slice(4)), 'no token is in a stream')
    page.close()
  }
})

test('a page that comes back, to another node, gets exactly what it missed', async () => {
  const cookie = await logIn(left, 'dee')
  const page = await listenTo(left.url, { cookie })
  await logOut(right, await logIn(right, 'dee'))
  const last = await page.message(telling('logout'))
  page.close()
  for (let visit = 0; visit < 3; visit++) await logOut(left, await logIn(left, 'dee'))
  const pages = [
    await listenTo(right.url, { cookie, lastEventId: last.id }),
    await listenTo(right.url, { cookie, path: `/api/events?after=${last.id}` }),
  ]
  await logOut(left, await logIn(left, 'dee'))
  for (const again of pages) {
    await until('all is told', () => again.types().length >= 8)
    assert.deepEqual(again.types(), Array(4).fill(['login', 'logout']).flat())
    assert.equal((await again.message(({ name }) => name === 'hello')).data.isIncomplete, false)
    assert.equal(again.messages.filter(({ data }) => data.isReplayed).length, 6)
    again.close()
  }
})

test('a page that missed a great deal gets all of it at once', async (t) => {
  const cookie = await logIn(left, 'dee')
  const last = await redis.inspector.xAdd('events', '*', { event: JSON.stringify({ type: 'node_up', node: 'first' }) })
  const connection = await connectRedis({ url: redis.url, deadlineMs: 1_000 }, quiet)
  t.after(connection.close)
  for (let index = 0; index < 900; index++) {
    const event = { type: 'login', user: 'dee', sessionId: `session-${index}`.padEnd(22, '-'), node: 'far' }
    await connection.run((client) =>
      appendAndPublish(client, 'events', { channel: 'events', text: JSON.stringify(event), most: 1_000 }),
    )
  }
  const page = await listenTo(left.url, { cookie, lastEventId: last })
  await until('all is told', () => page.messages.filter(telling('login', { node: 'far' })).length === 900)
  page.close()
})

test('a page that asks for what is long gone is told that something is missing; what is no id is as none', async () => {
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

test('a stream ends with the session that it was opened with, after it has told why', async () => {
  for (const [type, end] of [
    ['logout', (cookie: string) => logOut(right, cookie)],
    ['revoked', async () => revokeOthers(right, await logIn(right, 'eve'))],
    ['replaced', (cookie: string) => logIn(right, 'eve', cookie)],
    [
      'made_room',
      async () => {
        for (let login = 0; login < 3; login++) await logIn(right, 'eve')
      },
    ],
  ] as const) {
    const cookie = await logIn(left, 'eve')
    const sessionId = await idOf(left, cookie)
    const page = await listenTo(left.url, { cookie })
    await end(cookie)
    assert.equal(await page.ended, 'properly')
    assert.deepEqual(page.messages.at(-1)?.data.sessionId, sessionId)
    assert.deepEqual(page.messages.at(-1)?.data.type, type)
    await revokeOthers(left, await logIn(left, 'eve'))
  }
})

test('who comes with a session that has ended is told why, and nobody is told about a token that never was', async () => {
  const reasonFor = async (cookie: string) => {
    const response = await getUser(left.url, cookie)
    assert.equal(response.status, 401)
    return (await read(response)).reason
  }
  const first = await logIn(left, 'flo')
  await logOut(right, first)
  await until('the other node has heard it', async () => (await reasonFor(first)) === 'logout')
  const second = await logIn(left, 'flo')
  const third = await logIn(right, 'flo', second)
  await until('the other node has heard it', async () => (await reasonFor(second)) === 'replaced')
  const fourth = await logIn(right, 'flo')
  await revokeOthers(right, fourth)
  await until('the other node has heard it', async () => (await reasonFor(third)) === 'revoked')
  assert.equal(await reasonFor(`sid=${'z'.repeat(43)}`), undefined)
  // Gone without anybody having ended it, and younger than it could have expired: then there is no telling.
  await redis.inspector.del(`session:${fourth.slice(4)}`)
  assert.equal(await reasonFor(fourth), undefined)
})

test('a session that was not used for too long has expired, and that is said; so it is for one whose token was rotated', async () => {
  const node = await startTestNode(redis.url, {
    name: 'short',
    accounts: [(await newAccount('gus')).account],
    session: { ttlSeconds: 1, renewSeconds: 0, rotateSeconds: 1, rotateGraceSeconds: 1 },
  })
  const cookie = await logIn(node, 'gus')
  const rotated = await until('the token is replaced in passing', async () => cookieOf(await getUser(node.url, cookie)))
  const reason = async (which: string) => {
    const response = await fetch(`${node.url}/api/sessions`, { headers: { Cookie: which } })
    return response.status === 401 ? ((await read(response)).reason ?? 'unknown') : ''
  }
  await until('the rotated session has expired', async () => (await reason(rotated)) === 'expired')
  // Its old token did not expire but was replaced, and nothing else is known of it.
  assert.equal(await reason(cookie), 'unknown')
  await node.stop()
})

test('a session that was used to its very end has expired as well', async () => {
  const node = await startTestNode(redis.url, {
    name: 'finite',
    accounts: [(await newAccount('gus')).account],
    session: { absoluteSeconds: 1, renewSeconds: 0 },
  })
  const cookie = await logIn(node, 'gus')
  const refused = await until('it is at its end', async () => {
    const response = await getUser(node.url, cookie)
    return response.status === 401 ? response : undefined
  })
  assert.equal((await read(refused)).reason, 'expired')
  await node.stop()
})

test('the right password of a disabled account ends no session, neither the one it came with nor its oldest, and tells nothing', async () => {
  const brought = await logIn(left, 'hal')
  // As many as the node on the right allows: one more would end the oldest.
  const sessions = [await logIn(right, 'ida'), await logIn(right, 'ida'), await logIn(right, 'ida')]
  const listed = await redis.inspector.zCard('user-sessions:ida')
  const page = await listenTo(right.url, { cookie: brought })
  const owner = await listenTo(right.url, { cookie: sessions[0] ?? '' })
  await redis.inspector.sAdd('disabled-users', 'ida')
  try {
    for (let attempt = 0; attempt < 12; attempt++) {
      const tryWith = (password: string) =>
        post(right.url, '/auth/login', { username: 'ida', password }, { Cookie: brought })
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

test('an open page does not keep its session alive, and its stream ends with it', async () => {
  const node = await startTestNode(redis.url, {
    name: 'brief',
    accounts: [(await newAccount('hal')).account],
    session: { ttlSeconds: 2, renewSeconds: 0 },
  })
  const cookie = await logIn(node, 'hal')
  const startedAt = performance.now()
  const page = await listenTo(node.url, { cookie })
  // Later, when a use would prolong the session beyond what is left of it.
  await until('the session is past half of its time', () => performance.now() - startedAt > 1_300)
  const again = await listenTo(node.url, { cookie })
  await fetch(`${node.url}/api/sessions`, { headers: { Cookie: cookie } })
  assert.equal(await page.ended, 'properly')
  assert.equal(await again.ended, 'properly')
  assert.ok(performance.now() - startedAt < 2_900, `after ${performance.now() - startedAt} ms`)
  await until('the session is gone', async () => (await getUser(node.url, cookie)).status === 401, 500)
  await node.stop()
})

test('while Redis is away a page that is open stays so and hears of it; afterwards it is told what it missed', async () => {
  const cookie = await logIn(left, 'ida')
  const page = await listenTo(left.url, { cookie })
  const elsewhere = await listenTo(right.url)
  // Not killed: then it may lose what it had just got, and with it the session.
  redis.pause()
  await page.message(telling('redis_lost', { node: 'left' }))
  await elsewhere.message(telling('redis_lost', { node: 'right' }))
  const late = await listenTo(left.url)
  assert.equal((await late.message(({ name }) => name === 'hello')).data.isBehind, true)
  late.close()
  redis.resume()
  await page.message(telling('redis_back', { node: 'left' }))
  await page.message(telling('redis_back', { node: 'right' }))
  const later = await listenTo(left.url)
  assert.equal((await later.message(({ name }) => name === 'hello')).data.isBehind, false)
  later.close()
  await until('sessions are there again', async () => (await getUser(right.url, cookie)).status === 200)
  await logOut(right, await logIn(right, 'ida'))
  await page.message(telling('logout'))
  page.close()
  elsewhere.close()
})

test('what is published while a node has no connection is told when it has one again', async () => {
  const cookie = await logIn(left, 'jay')
  const page = await listenTo(left.url, { cookie })
  await page.message(({ name }) => name === 'hello')
  const missed = { type: 'revoked', user: 'jay', sessionId: 'elsewhere', node: 'far' }
  await redis.inspector.clientKill({ filter: 'TYPE', type: 'pubsub' })
  // Not published: only in the stream, as if it had been published while nobody listened.
  await redis.inspector.xAdd('events', '*', { event: JSON.stringify(missed) })
  await page.message(telling('revoked', { sessionId: 'elsewhere', isReplayed: false }))
  page.close()
})

test('when more was missed than is kept, the page is told that there is a gap', async () => {
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

test('a page that sees little for a long time has missed nothing: its pings bring the newest id', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const node = await startTestNode(redis.url, { name: 'pinging', accounts: [] })
  const stranger = await listenTo(node.url)
  await logIn(left, 'kim')
  const newest = async () => (await redis.inspector.xRevRange('events', '+', '-', { COUNT: 1 }))?.[0]?.id
  const id = await newest()
  await until('a ping brings it', async () => {
    t.mock.timers.tick(15_000)
    return stranger.messages.some((message) => message.name === 'ping' && message.id === id)
  })
  stranger.close()
  t.mock.timers.reset()
  await node.stop()
})

test('a full Redis cannot keep events, but tells them', async () => {
  const cookie = await logIn(left, 'kim')
  const page = await listenTo(right.url, { cookie })
  const other = await logIn(left, 'kim')
  const sessionId = await idOf(left, other)
  await redis.inspector.configSet('maxmemory', '1')
  try {
    assert.equal((await logOut(left, other)).status, 204)
    assert.equal((await page.message(telling('logout', { sessionId }))).id, '')
  } finally {
    await redis.inspector.configSet('maxmemory', '0')
  }
  page.close()
})

test('a HEAD is answered at once, other methods are refused, and while Redis is away a session cannot be looked up: 503', async () => {
  const head = request(`${left.url}/api/events`, { method: 'HEAD' })
  const status = await new Promise((resolve) => {
    head.on('response', (response) => response.resume().on('end', () => resolve(response.statusCode)))
    head.end()
  })
  assert.equal(status, 200)
  assert.equal((await post(left.url, '/api/events', {})).status, 405)
  const cookie = await logIn(left, 'lee')
  redis.pause()
  try {
    const answer = await fetch(`${left.url}/api/events`, { headers: { Cookie: cookie } })
    assert.equal(answer.status, 503)
    assert.equal(answer.headers.get('Retry-After'), '1')
    const stranger = await listenTo(left.url)
    assert.equal(stranger.status, 200)
    stranger.close()
  } finally {
    redis.resume()
  }
})

test('a page that has gone before it was known whose it is leaves nothing behind', async () => {
  const cookie = await logIn(left, 'lee')
  await until('no page of another test is open', async () => (await openStreams()) === 0)
  redis.pause()
  const gone = request(`${left.url}/api/events`, { headers: { Cookie: cookie }, agent: false }).on('error', () => {})
  await new Promise<void>((resolve) => gone.end(resolve))
  // What is asked after it is answered after it has arrived, and then after it is gone.
  await fetch(`${left.url}/livez`)
  gone.destroy()
  await fetch(`${left.url}/livez`)
  redis.resume()
  await until('the session can be read again', async () => (await getUser(left.url, cookie)).status === 200)
  assert.equal(await openStreams(), 0)
})

test('a page that does not read what it is sent is cut off, and costs no more memory', async () => {
  await until('no page of another test is open', async () => (await openStreams()) === 0)
  const socket = connect(Number(new URL(left.url).port), '127.0.0.1')
  socket.on('error', () => {})
  socket.write('GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n')
  socket.pause()
  await until('it is open', async () => (await openStreams()) === 1)
  const event = JSON.stringify({ type: 'node_up', node: 'x'.repeat(60_000) })
  await until('it is cut off', async () => {
    for (let sent = 0; sent < 20; sent++) await redis.inspector.publish('events', ` ${event}`)
    return (await openStreams()) === 0
  })
  socket.destroy()
})

/** Keeps both nodes from connecting to Redis again until told to. */
async function holdBackConnections() {
  await redis.inspector.sendCommand(['ACL', 'SETUSER', 'default', '-subscribe'])
  await redis.inspector.clientKill({ filter: 'TYPE', type: 'pubsub' })
  return {
    start: () => redis.inspector.sendCommand(['ACL', 'SETUSER', 'default', '+subscribe']),
  }
}
