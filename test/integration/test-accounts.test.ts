import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { cookieOf, getUser, logIn } from '../support/http.ts'
import { APP } from '../support/program.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { newAccount, startTestNode, type TestNode } from '../support/test-node.ts'

const program = (name: string) => `${APP}dist/src/admin/${name}.js`

let redis: TestRedis
let nodes: TestNode[]
before(async () => {
  redis = await startTestRedis()
  const accounts = [(await newAccount('listed')).account]
  nodes = await Promise.all(['left', 'right'].map((name) => startTestNode(redis.url, { name, accounts })))
})
after(async () => {
  await Promise.all(nodes.map((node) => node.stop()))
  await redis.stop()
})

const run = (name: string, ...words: string[]) =>
  promisify(execFile)('node', [program(name), ...words], { env: { ...process.env, REDIS_URL: redis.url } })

const logInAs = (username: string, password: string) => logIn(nodes[0]?.url ?? '', { username, password })

/** Writes an account like the administrator's programs. */
async function storeAccount(username: string, value?: unknown): Promise<string> {
  const { account, password } = await newAccount(username)
  await redis.inspector.set(`test-account:${username}`, JSON.stringify(value ?? account), { EX: 60 })
  return password
}

test('a test account works on every node, and cannot log in after it is removed', async () => {
  const password = await storeAccount('made-up')
  const answer = await logInAs('made-up', password)
  assert.equal(answer.status, 200)
  for (const { url } of nodes) {
    const known = await (await getUser(url, cookieOf(answer))).text()
    assert.match(known, /"user":{"username":"made-up","displayName":"MADE-UP"}/)
  }
  assert.equal((await logInAs('made-up', 'another password')).status, 401)
  await redis.inspector.del('test-account:made-up')
  assert.equal((await logInAs('made-up', password)).status, 401)
})

test('a test account does not replace an account of the file, and is valid only under its own name', async () => {
  const { account, password } = await newAccount('intruder')
  await storeAccount('listed', { ...account, username: 'listed' })
  await storeAccount('alias', account)
  assert.equal((await logInAs('listed', password)).status, 401)
  assert.equal((await logInAs('listed', 'secret of listed')).status, 200)
  assert.equal((await logInAs('alias', password)).status, 401)
})

test('an invalid value under the key of a test account is no account', async () => {
  for (const value of ['no account', 5, {}, { username: 'odd', displayName: 'Odd', passwordHash: 'plain' }]) {
    const password = await storeAccount('odd', value)
    assert.equal((await logInAs('odd', password)).status, 401)
  }
})

test('test accounts have random names and passwords, and one call ends the sessions of several users', async () => {
  const [first = '', ...commands] = (await run('test-accounts', 'drill', '3')).stdout.trim().split('\n')
  const accounts: { username: string; password: string }[] = JSON.parse(first)
  assert.equal(new Set(accounts.map(({ password }) => password)).size, 3)
  for (const [index, { username, password }] of accounts.entries()) {
    assert.match(username, new RegExp(`^drill-[0-9a-f]{8}-${index + 1}$`))
    assert.match(password, /^[A-Za-z0-9_-]{24}$/)
    const [, key = '', value = '', seconds] = /^SET (\S+) '(.*)' EX (\d+)$/.exec(commands[index] ?? '') ?? []
    assert.equal(seconds, '3600')
    assert.ok(!value.includes(password))
    await redis.inspector.set(key, value, { EX: 60 })
  }

  const cookies = await Promise.all(
    accounts.map(async ({ username, password }) => cookieOf(await logInAs(username, password))),
  )
  const statuses = () => Promise.all(cookies.map(async (cookie) => (await getUser(nodes[1]?.url ?? '', cookie)).status))
  assert.deepEqual(await statuses(), [200, 200, 200])
  await run('end-sessions', ...accounts.slice(0, 2).map(({ username }) => username))
  assert.deepEqual(await statuses(), [401, 401, 200])
})
