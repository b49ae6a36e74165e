import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { isRight } from '../faults/history.ts'
import { createRecorder } from '../faults/recorder.ts'
import { ADA } from '../support/http.ts'

type Lie = 'none' | 'forgets' | 'remembers' | 'mistakes' | 'clears' | 'invents a reason' | 'evicts'

/** A faulty stack that breaks one guarantee, which the recorder must notice, or a correct one that evicts sessions. */
async function startLiar(t: TestContext, lie: () => Lie, rotates: () => boolean = () => false): Promise<string> {
  /** The session id of each token. */
  const sessions = new Map<string, string>()
  const replaced = new Map<string, string>()
  const events: object[] = []
  let count = 0

  function answer(req: IncomingMessage, res: ServerResponse): void {
    const token = /sid=(\S+)/.exec(req.headers.cookie ?? '')?.[1] ?? ''
    const json = (status: number, body: object, headers: Record<string, string> = {}) =>
      res.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body))
    const who = (name: string) => ({ user: { username: name }, session: { id: sessions.get(token) } })
    if (req.url === '/auth/login') {
      const [fresh, id] = [`token-${++count}`, `session ${count}`]
      sessions.set(fresh, id)
      events.push({ type: 'login', sessionId: id })
      json(200, { user: { username: 'ada' }, session: { id } }, { 'Set-Cookie': `sid=${fresh}` })
    } else if (req.url === '/auth/logout') {
      if (lie() !== 'remembers') sessions.delete(token)
      res.writeHead(204, { 'Set-Cookie': 'sid=; Max-Age=0' }).end()
    } else if (req.url?.startsWith('/api/events')) {
      res.writeHead(200, { 'Content-Type': 'text/event-stream' })
      for (const event of events) res.write(`data: ${JSON.stringify(event)}\n\n`)
    } else if (lie() === 'clears') json(503, {}, { 'Set-Cookie': 'sid=; Max-Age=0' })
    else if (lie() === 'mistakes') json(200, who('grace'))
    else if (lie() === 'invents a reason') json(401, { reason: 'made_room' })
    else if (lie() === 'evicts') {
      events.push({ type: 'made_room', sessionId: sessions.get(token) })
      sessions.delete(token)
      json(401, {})
    } else if (lie() === 'forgets' || !sessions.has(token) || replaced.has(token)) json(401, {})
    else if (rotates()) {
      const fresh = `token-${++count}`
      sessions.set(fresh, sessions.get(token) ?? '')
      replaced.set(token, fresh)
      json(200, who('ada'), { 'Set-Cookie': `sid=${fresh}` })
    } else json(200, who('ada'))
  }

  const server = createServer(answer).listen(0, '127.0.0.1')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

/** One user logs in and stays, another logs out. Then the fault begins, and the recorder requests both sessions. */
async function record(t: TestContext, lie: Lie) {
  let told: Lie = lie === 'remembers' ? lie : 'none'
  const recorder = createRecorder(await startLiar(t, () => told))
  await recorder.logIn(ADA)
  await recorder.logIn(ADA)
  const [, leaving] = recorder.inState('living')
  if (leaving) await recorder.logOut(leaving)
  told = lie
  await recorder.askForAll()
  return recorder
}

test('the recorder reports no failure for a correct stack', async (t) => {
  const { violations, operations } = await record(t, 'none')
  assert.deepEqual(violations, [])
  assert.deepEqual(operations.map(({ kind, status }) => `${kind} ${status}`).sort(), [
    'ask 200',
    'ask-ended 401',
    'login 200',
    'login 200',
    'logout 204',
  ])
})

for (const [lie, what] of [
  ['forgets', 'lost'],
  ['invents a reason', 'lost'],
  ['remembers', 'returned'],
  ['mistakes', 'wrong user'],
  ['clears', 'cookie cleared'],
] as const)
  test(`the recorder detects a stack that ${lie} a session or its cookie: ${what}`, async (t) => {
    const { violations } = await record(t, lie)
    assert.ok(violations.some((violation) => violation.what === what))
  })

test('the recorder does not count a session that the stack evicted and published as evicted as lost', async (t) => {
  const { violations, actions, operations, inState } = await record(t, 'evicts')
  assert.deepEqual(violations, [])
  assert.deepEqual(
    actions.map(({ what, username }) => `${what} ${username}`),
    ['evicted ada'],
  )
  assert.equal(inState('ended').length, 2)
  assert.ok(operations.every(isRight), 'the 401 is the correct response')
})

/** A session whose token was rotated once, at 10 s, on a stack that then responds as configured. */
async function recordRotation(t: TestContext) {
  const at = { ms: 0 }
  const told: { lie: Lie } = { lie: 'none' }
  let rotates = false
  const url = await startLiar(
    t,
    () => told.lie,
    () => rotates,
  )
  const recorder = createRecorder(url, { now: () => at.ms, rotation: { everyMs: 9_000, graceMs: 2_000 } })
  await recorder.logIn(ADA)
  const [session] = recorder.inState('living')
  assert.ok(session)
  at.ms = 10_000
  rotates = true
  const before = session.visitor.copy()
  await recorder.ask(session)
  rotates = false
  return { recorder, session, before, at, told }
}

test('the recorder records a rotation and continues the session with its new token', async (t) => {
  const { recorder, session, before } = await recordRotation(t)
  assert.notEqual(session.visitor.token(), before.token())
  await recorder.askForAll()
  assert.deepEqual(recorder.violations, [])
  assert.deepEqual(
    recorder.actions.map(({ what, atMs }) => `${what} ${atMs}`),
    ['rotated 10000'],
  )
})

for (const [ms, lost] of [
  [12_500, 0],
  [11_500, 1],
] as const)
  test(`a replaced token rejected ${(ms - 10_000) / 1000} s after its replacement, with a grace of 2 s: ${lost} lost`, async (t) => {
    const { recorder, session, before, at } = await recordRotation(t)
    const current = session.visitor
    // A request sent before the new token arrived.
    session.visitor = before
    at.ms = ms
    await recorder.ask(session)
    session.visitor = current
    await recorder.askForAll()
    assert.equal(recorder.violations.filter(({ what }) => what.startsWith('lost')).length, lost)
    assert.equal(recorder.inState('living').length, 1 - lost)
  })

for (const [ageMs, lost] of [
  [900, 0],
  [1_100, 1],
] as const)
  test(`a rotation acknowledged ${ageMs} ms before Redis was killed, and then missing: ${lost} lost`, async (t) => {
    const { recorder, at, told } = await recordRotation(t)
    at.ms += ageMs
    const claimed = await recorder.whileRedisDies(async () => {
      told.lie = 'forgets'
    })
    await recorder.askForAll()
    assert.equal(claimed, lost)
    assert.equal(recorder.violations.length, lost)
  })

test('the recorder counts a session as lost only if Redis acknowledged it more than a second before it was killed', async (t) => {
  let told: Lie = 'none'
  let nowMs = 0
  const recorder = createRecorder(await startLiar(t, () => told), { now: () => nowMs })
  await recorder.logIn(ADA)
  nowMs = 1_500
  await recorder.logIn(ADA)
  await recorder.whileRedisDies(async () => {
    told = 'forgets'
    nowMs = 2_000
  })
  await recorder.askForAll()
  assert.equal(recorder.violations.length, 1)
  assert.match(recorder.violations[0]?.detail ?? '', /2\.0 s old/)
})
