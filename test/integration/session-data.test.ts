import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createApp } from 'app/app'
import { RedisUnavailable } from 'app/redis/errors'
import { DataConflict, DataTooLarge } from 'app/sessions/session-data'
import { send } from '../support/http.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { aUser, keyOf, startTwoConnections, storeOn } from '../support/stores.ts'
import { newAccount, startTestNode, type TestNode } from '../support/test-node.ts'
import { createVisitor, type Visitor } from '../support/visitor.ts'

let redis: TestRedis
let nodes: TestNode[]
let credentials: { username: string; password: string }
before(async () => {
  redis = await startTestRedis()
  const { account, password } = await newAccount('ann')
  credentials = { username: 'ann', password }
  const names = ['left', 'middle', 'right']
  nodes = await Promise.all(names.map((name) => startTestNode(redis.url, { name, accounts: [account] })))
})
after(async () => {
  await Promise.all(nodes.map((node) => node.stop()))
  await redis.stop()
})

const DATA = '/api/session/data'
const urlOf = (place: number) => nodes[place % nodes.length]?.url ?? ''

async function logIn(): Promise<Visitor> {
  const visitor = createVisitor(urlOf(0))
  assert.equal((await visitor.logIn(credentials)).status, 200)
  return visitor
}

const patch = (cookie: string, body: unknown, { place = 0, type = 'application/json', headers = {} } = {}) =>
  send(urlOf(place), DATA, {
    ...{ method: 'PATCH', cookie, body: typeof body === 'string' ? body : JSON.stringify(body) },
    headers: { 'Content-Type': type, ...headers },
  })
const mergePatch = (cookie: string, body: unknown, place = 0) =>
  patch(cookie, body, { place, type: 'application/merge-patch+json' })

async function read(cookie: string, place = 0): Promise<Record<string, unknown>> {
  const response = await send(urlOf(place), DATA, { cookie })
  assert.equal(response.status, 200)
  const { data } = JSON.parse(await response.text())
  return data
}

test('100 parallel increments over three nodes make 100', async () => {
  const cookie = (await logIn()).cookie() ?? ''
  const all = Array.from({ length: 100 }, (_, place) => patch(cookie, { add: { '/basket/tea': 1 } }, { place }))
  for (const { status } of await Promise.all(all)) assert.equal(status, 200)
  for (const place of [0, 1, 2]) assert.deepEqual(await read(cookie, place), { basket: { tea: 100 } })
})

test('the control loses some of 100 increments: a client that reads and then writes', async (t) => {
  const cookie = (await logIn()).cookie() ?? ''
  const increment = async (place: number) => {
    const { tea = 0 } = await read(cookie, place)
    return (await mergePatch(cookie, { tea: Number(tea) + 1 }, place)).status
  }
  const statuses = await Promise.all(Array.from({ length: 100 }, (_, place) => increment(place)))
  assert.deepEqual(new Set(statuses), new Set([200]))
  const { tea } = await read(cookie)
  t.diagnostic(`read, then write: ${100 - Number(tea)} of 100 increments were lost`)
  assert.ok(Number(tea) < 100)
})

test('requests with a session find it while its data changes all the time', async () => {
  const cookie = (await logIn()).cookie() ?? ''
  const changes = Array.from({ length: 120 }, (_, place) => patch(cookie, { add: { '/tea': 1 } }, { place }))
  const reads = Array.from({ length: 120 }, (_, place) => send(urlOf(place), '/api/user', { cookie }))
  for (const { status } of await Promise.all([...changes, ...reads])) assert.equal(status, 200)
})

test('merge patches of different members from different nodes are all kept', async () => {
  const cookie = (await logIn()).cookie() ?? ''
  const all = Array.from({ length: 30 }, (_, place) => mergePatch(cookie, { basket: { [`item-${place}`]: 1 } }, place))
  for (const { status } of await Promise.all(all)) assert.equal(status, 200)
  const { basket } = await read(cookie)
  assert.equal(Object.keys(Object(basket)).length, 30)
  assert.equal((await mergePatch(cookie, { basket: null })).status, 200)
  assert.deepEqual(await read(cookie, 1), {})
})

test('a change without a session, of another type, too large or impossible gets 401, 415, 413 or 422, and changes nothing', async () => {
  const cookie = (await logIn()).cookie() ?? ''
  await mergePatch(cookie, { locale: 'en' })
  const large = { text: 'x'.repeat(2_040) }
  const cases: [status: number, response: Promise<Response>][] = [
    [401, patch('', { add: { '/tea': 1 } })],
    [401, send(urlOf(0), DATA)],
    [415, patch(cookie, 'tea=1', { type: 'application/x-www-form-urlencoded' })],
    [415, patch(cookie, '{}', { type: 'text/plain' })],
    [400, patch(cookie, '{')],
    [413, mergePatch(cookie, large)],
    [413, mergePatch(cookie, { text: 'x'.repeat(5_000) })],
    [422, mergePatch(cookie, [1])],
    [422, mergePatch(cookie, '"text"')],
    [422, patch(cookie, { add: { '/locale': 1 } })],
    [403, patch(cookie, { add: { '/tea': 1 } }, { headers: { Origin: 'http://evil.example' } })],
    [405, send(urlOf(0), DATA, { method: 'PUT', cookie, json: {} })],
  ]
  for (const [status, response] of cases) {
    const { status: got, headers } = await response
    assert.equal(got, status)
    assert.match(headers.get('Content-Type') ?? '', /^application\/problem\+json/)
    if (status === 415) assert.equal(headers.get('Accept-Patch'), 'application/merge-patch+json, application/json')
  }
  assert.deepEqual(await read(cookie), { locale: 'en' })
})

test('a change that met others at every attempt gets 409 with Retry-After', async (t) => {
  const { account, password } = await newAccount('bob')
  const node = await startTestNode(redis.url, {
    ...{ name: 'busy', accounts: [account] },
    buildApp: (parts) =>
      createApp({
        ...parts,
        sessions: { ...parts.sessions, updateSession: () => Promise.reject(new DataConflict('always')) },
      }),
  })
  t.after(() => node.stop())
  const visitor = createVisitor(node.url)
  await visitor.logIn({ username: 'bob', password })
  const { status, headers } = await visitor.ask(DATA, { method: 'PATCH', json: { add: { '/tea': 1 } } })
  assert.equal(status, 409)
  assert.equal(headers.get('Retry-After'), '1')
})

test('changes concurrent with a logout never bring the session back', async () => {
  for (let round = 0; round < 30; round++) {
    const visitor = await logIn()
    const [cookie, token] = [visitor.cookie() ?? '', visitor.token()]
    const changes = Array.from({ length: 9 }, (_, place) => patch(cookie, { add: { '/tea': 1 } }, { place }))
    const [{ status }, ...responses] = await Promise.all([visitor.logOut(), ...changes])
    assert.equal(status, 204)
    for (const response of responses) assert.ok([200, 401].includes(response.status), String(response.status))
    assert.equal(await redis.inspector.exists(`session:${token}`), 0)
  }
})

test('a logout ends a session whose data changes between each of its reads and writes', async (t) => {
  const { left, right, stop } = await startTwoConnections()
  t.after(stop)
  const other = storeOn(right)
  const { token, session } = await other.setSession(aUser('busy'))
  const write: typeof left.write = async (key, commands) => {
    await other.updateSession(token, ({ count }) => ({ count: Number(count ?? 0) + 1 }))
    return left.write(key, commands)
  }
  const ended = await storeOn({ ...left, write }).deleteSession(token)
  assert.equal(ended?.id, session.id)
  assert.equal(await other.peekSession(token), undefined)
})

test('a change keeps the TTL, the creation and the absolute end, also through a rotation', async (t) => {
  const { redis, left, right, stop } = await startTwoConnections()
  t.after(stop)
  const store = storeOn(left)
  const { token, session } = await store.setSession(aUser('ann'))
  await redis.inspector.pExpire(keyOf(token), 100_000)
  assert.deepEqual(await store.updateSession(token, (data) => ({ ...data, locale: 'en' })), { locale: 'en' })
  const leftMs = await redis.inspector.pTTL(keyOf(token))
  assert.ok(leftMs > 0 && leftMs <= 100_000, String(leftMs))
  const rotated = await store.rotateSession(token)
  const other = storeOn(right)
  await other.updateSession(token, (data) => ({ ...data, seen: true }))
  const found = await other.getSession(rotated?.token)
  assert.deepEqual(found?.data, { locale: 'en', seen: true })
  assert.equal(found?.absoluteExpiresAt, session.absoluteExpiresAt)
  assert.equal(found?.createdAt, session.createdAt)
})

test('the changed record is sealed, and data written past the seal is ignored with its session', async (t) => {
  const { redis, left, right, stop } = await startTwoConnections()
  t.after(stop)
  const sealKeys = ['a key of the seal with more than 32 characters']
  const store = storeOn(left, { sealKeys })
  const { token } = await store.setSession(aUser('ann'))
  await store.updateSession(token, () => ({ role: 'user' }))
  assert.deepEqual((await storeOn(right, { sealKeys }).peekSession(token))?.data, { role: 'user' })
  const json = (await redis.inspector.get(keyOf(token))) ?? ''
  const forged = json.replace('"role":"user"', '"role":"root"')
  assert.notEqual(forged, json)
  await redis.inspector.set(keyOf(token), forged, { expiration: 'KEEPTTL' })
  assert.equal(await storeOn(right, { sealKeys }).peekSession(token), undefined)
})

test('data over 2,048 bytes is rejected, and so are changes of one session beyond 200 that wait in a node', async (t) => {
  const { left, stop } = await startTwoConnections({ deadlineMs: 10_000 })
  t.after(stop)
  const store = storeOn(left)
  const { token } = await store.setSession(aUser('ann'))
  const text = 'é'.repeat((2_048 - '{"text":""}'.length) / 2)
  assert.equal((await store.updateSession(token, () => ({ text })))?.text, text)
  await assert.rejects(
    store.updateSession(token, () => ({ text: `${text}éé` })),
    DataTooLarge,
  )

  const add = () => store.updateSession(token, ({ count = 0 }) => ({ count: Number(count) + 1 }))
  const results = await Promise.allSettled(Array.from({ length: 250 }, add))
  const rejected = results.filter((result) => result.status === 'rejected')
  assert.equal(rejected.length, 50)
  for (const { reason } of rejected) assert.ok(reason instanceof DataConflict)
  assert.deepEqual((await store.peekSession(token))?.data, { count: 200 })
})

test('changes that wait behind one without an answer from Redis fail with it, not one deadline each', async (t) => {
  const { redis, left, stop } = await startTwoConnections({ deadlineMs: 400 })
  t.after(stop)
  const store = storeOn(left)
  const { token } = await store.setSession(aUser('ann'))
  redis.pause()
  const results = await Promise.allSettled(
    Array.from({ length: 150 }, () => store.updateSession(token, () => ({ tea: 1 }))),
  )
  redis.resume()
  const reasons = results.map((result) => (result.status === 'rejected' ? result.reason : 'changed'))
  // Each attempt of its own would have an error of its own.
  assert.equal(new Set(reasons).size, 1)
  assert.ok(reasons[0] instanceof RedisUnavailable, String(reasons[0]))
})
