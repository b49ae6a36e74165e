// Write access to Redis is not enough to create a session: the nodes seal records with a key that Redis does not have.
import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Account } from 'app/users/users'
import { cookieOf, getUser, logIn } from '../support/http.ts'
import { runNode } from '../support/program.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { newAccount, startTestNode, type TestNode } from '../support/test-node.ts'
import { until } from '../support/until.ts'

const [OLD, NEW] = ['the first key of this test, long enough', 'the second key of this test, long enough']
const newToken = () => randomBytes(32).toString('base64url')
const keyOf = (token: string) => `session:${token}`

let redis: TestRedis
let accounts: Account[]
let node: TestNode
before(async () => {
  redis = await startTestRedis()
  accounts = [(await newAccount('ann')).account, (await newAccount('bob')).account]
  node = await startTestNode(redis.url, { name: 'app-1', accounts, session: { sealKeys: [OLD] } })
})
after(async () => {
  await node.stop()
  await redis.stop()
})

async function logInAs(at: TestNode, username = 'ann'): Promise<string> {
  const answer = await logIn(at.url, { username, password: `secret of ${username}` })
  assert.equal(answer.status, 200)
  return cookieOf(answer).slice(4)
}

const statusOf = async (at: TestNode, token: string) => (await getUser(at.url, `sid=${token}`)).status
const recordOf = async (token: string) => (await redis.inspector.get(keyOf(token))) ?? ''
const put = (token: string, json: string) => redis.inspector.set(keyOf(token), json, { EX: 60 })

/** Returns the record without its seal. */
async function unsealed(token: string): Promise<Record<string, unknown>> {
  const { seal: _, ...record } = JSON.parse(await recordOf(token))
  return record
}

test('a sealed record is readable JSON with the seal at its end', async () => {
  const record = JSON.parse(await recordOf(await logInAs(node)))
  assert.equal(record.user.username, 'ann')
  assert.equal(Object.keys(record).at(-1), 'seal')
  assert.match(record.seal, /^[A-Za-z0-9_-]{8}\.[A-Za-z0-9_-]{43}$/)
})

test('a forged record is no session: without a seal, with a seal of another key, or with the seal of another record', async () => {
  const honest = await logInAs(node)
  const record = await unsealed(honest)
  const { seal } = JSON.parse(await recordOf(honest))
  const [id] = String(seal).split('.')
  const own = createHmac('sha256', 'a key of the attacker').update(JSON.stringify(record)).digest('base64url')
  for (const forged of [
    JSON.stringify(record),
    JSON.stringify({ ...record, seal: `${id}.${own}` }),
    JSON.stringify({ ...record, seal: `AAAAAAAA.${own}` }),
    JSON.stringify({ ...record, seal: `${id}.` }),
    JSON.stringify({ ...record, user: { username: 'bob', displayName: 'BOB' }, seal }),
    JSON.stringify({ ...record, absoluteSeconds: 1e9, seal }),
    `${await recordOf(honest)} `,
  ]) {
    const token = newToken()
    await put(token, forged)
    assert.equal(await statusOf(node, token), 401, forged)
    // Also if it overwrites an existing session.
    const replaced = await logInAs(node)
    await put(replaced, forged)
    assert.equal(await statusOf(node, replaced), 401, forged)
  }
  assert.equal(await statusOf(node, honest), 200)
})

test('a record copied to another key is no session', async () => {
  const honest = await logInAs(node)
  const token = newToken()
  await redis.inspector.copy(keyOf(honest), keyOf(token))
  assert.equal(await statusOf(node, token), 401)
  assert.equal(await statusOf(node, honest), 200)
})

test('a forged or copied pointer to a session is rejected', async (t) => {
  const rotating = await startTestNode(redis.url, {
    name: 'app-2',
    accounts,
    session: { sealKeys: [OLD], rotateSeconds: 1, rotateGraceSeconds: 100 },
  })
  t.after(rotating.stop)
  const victim = await logInAs(rotating)
  const token = newToken()
  await put(token, JSON.stringify({ replacedBy: victim, salt: newToken() }))
  assert.equal(await statusOf(node, token), 401)

  await until('the token is replaced', async () => {
    await getUser(rotating.url, `sid=${victim}`)
    return (await recordOf(victim)).includes('replacedBy')
  })
  assert.equal(await statusOf(node, victim), 200, 'a genuine pointer leads to the session')
  await redis.inspector.copy(keyOf(victim), keyOf(token), { REPLACE: true })
  assert.equal(await statusOf(node, token), 401)
})

test('an index forged to name another user’s session neither lists nor ends that session', async () => {
  const [ann, bob] = [await logInAs(node, 'ann'), await logInAs(node, 'bob')]
  await redis.inspector.zAdd('user-sessions:ann', { score: Date.now() + 1e7, value: bob })
  const headers = { Cookie: `sid=${ann}` }
  const listed = await (await fetch(`${node.url}/api/sessions`, { headers })).text()
  assert.ok(listed.includes(ann.slice(0, 6)) && !listed.includes(bob.slice(0, 6)))
  assert.equal((await fetch(`${node.url}/api/sessions`, { method: 'DELETE', headers })).status, 204)
  assert.equal(await statusOf(node, bob), 200)
})

test('replacing the sealing key ends no session: all nodes first accept the new key, then seal with it', async (t) => {
  const startWith = async (name: string, ...sealKeys: string[]) => {
    const started = await startTestNode(redis.url, { name, accounts, session: { sealKeys } })
    t.after(started.stop)
    return started
  }
  const before = await logInAs(node)
  const informed = await startWith('informed', OLD, NEW)
  const switched = await startWith('switched', NEW, OLD)
  const after = await startWith('after', NEW)
  const sealedNew = await logInAs(switched)
  assert.deepEqual(await Promise.all([informed, switched].map((at) => statusOf(at, before))), [200, 200])
  assert.deepEqual(await Promise.all([informed, switched, after].map((at) => statusOf(at, sealedNew))), [200, 200, 200])
  assert.equal(await statusOf(after, before), 401, 'a seal of the removed key is rejected')
  assert.equal(await statusOf(node, sealedNew), 401, 'a seal of an unknown key is rejected')
})

test('records without a valid seal are logged as seal_invalid, without the token and at a limited rate', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'seal-test-'))
  t.after(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'keys'), OLD)
  const program = runNode('server', { REDIS_URL: redis.url, SESSION_SEAL_KEY_FILE: join(folder, 'keys') })
  t.after(async () => {
    program.signal('SIGKILL')
    await program.ended
  })
  const { url } = await program.listening()
  for (let count = 0; count < 20; count++) {
    const token = newToken()
    await put(token, JSON.stringify({ user: { username: 'ann', displayName: 'Ann' } }))
    assert.equal((await getUser(url, `sid=${token}`)).status, 401)
  }
  const found = await program.line(({ event }) => event === 'seal_invalid')
  assert.equal(found.level, 'warn')
  assert.ok(program.lines.filter(({ event }) => event === 'seal_invalid').length <= 3)
})
