import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { createRecorder } from '../faults/recorder.ts'
import { ADA } from '../lib/visitor.ts'

type Lie = 'none' | 'forgets' | 'remembers' | 'mistakes' | 'clears'

/** A stack that breaks one promise: what the recorder must notice when a real one does. */
async function startLiar(t: TestContext, lie: () => Lie): Promise<string> {
  const sessions = new Set<string>()
  let count = 0

  function answer(req: IncomingMessage, res: ServerResponse): void {
    const token = /sid=(\S+)/.exec(req.headers.cookie ?? '')?.[1] ?? ''
    const json = (status: number, body: object, headers: Record<string, string> = {}) =>
      res.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body))
    const who = (name: string) => ({ user: { username: name }, session: { id: `session ${token.slice(6)}` } })
    if (req.url === '/auth/login') {
      const fresh = `token-${++count}`
      sessions.add(fresh)
      json(200, { user: { username: 'ada' }, session: { id: `session ${count}` } }, { 'Set-Cookie': `sid=${fresh}` })
    } else if (req.url === '/auth/logout') {
      if (lie() !== 'remembers') sessions.delete(token)
      res.writeHead(204, { 'Set-Cookie': 'sid=; Max-Age=0' }).end()
    } else if (lie() === 'clears') json(503, {}, { 'Set-Cookie': 'sid=; Max-Age=0' })
    else if (lie() === 'mistakes') json(200, who('grace'))
    else if (lie() === 'forgets' || !sessions.has(token)) json(401, {})
    else json(200, who('ada'))
  }

  const server = createServer(answer).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
}

/** One person logs in and stays, another one logs out; then the stack begins to lie, and both are asked for. */
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

test('the recorder has nothing to object to in a stack that keeps its promises', async (t) => {
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
  ['remembers', 'returned'],
  ['mistakes', 'wrong user'],
  ['clears', 'cookie cleared'],
] as const)
  test(`the recorder notices a stack that ${lie} a session or its cookie: ${what}`, async (t) => {
    const { violations } = await record(t, lie)
    assert.ok(violations.some((violation) => violation.what === what))
  })

test('what Redis acknowledged in the second before it died is not claimed, and what is older is', async (t) => {
  let told: Lie = 'none'
  let nowMs = 0
  const recorder = createRecorder(await startLiar(t, () => told), () => nowMs)
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
