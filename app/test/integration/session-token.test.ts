import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { cookieOf, post } from '../lib/http.ts'
import { run } from '../lib/program.ts'
import { startTestRedis, type TestRedis } from '../lib/redis-server.ts'

let redis: TestRedis
before(async () => {
  redis = await startTestRedis()
})
after(() => redis.stop())

/** With the same seed, V8 generates the same numbers by Math.random in every process. */
const SEED = '--random-seed=42'

/** The bytes of the tokens of 20 logins at a node that has just been started. */
async function tokensOfNewNode(t: TestContext): Promise<Buffer> {
  const node = run(process.execPath, [SEED, 'dist/src/server.js'], { PORT: '0', REDIS_URL: redis.url })
  t.after(() => node.signal('SIGKILL'))
  const { port } = await node.line(({ msg }) => msg === 'Listening')
  const tokens: Buffer[] = []
  for (let login = 0; login < 20; login++) {
    const response = await post(`http://127.0.0.1:${port}`, '/auth/login', {
      username: 'ada',
      password: 'analytical-engine',
    })
    await response.arrayBuffer()
    assert.equal(response.status, 200)
    tokens.push(Buffer.from(cookieOf(response).slice('sid='.length), 'base64url'))
  }
  return Buffer.concat(tokens)
}

/** Eight bytes that are in both, at any place: generators that run alike may be some calls apart. */
function commonBytes(one: Buffer, other: Buffer): string | undefined {
  for (let at = 0; at + 8 <= one.length; at++) {
    const bytes = one.subarray(at, at + 8)
    if (other.includes(bytes)) return bytes.toString('hex')
  }
  return undefined
}

async function mathRandomOfNewProcess(): Promise<string | undefined> {
  return (await run(process.execPath, [SEED, '-p', 'Math.random()']).line(() => true)).msg
}

test('7.2.3: two nodes whose Math.random gives the same numbers have no part of a token in common', async (t) => {
  assert.equal(await mathRandomOfNewProcess(), await mathRandomOfNewProcess(), 'the seed works in this version of Node')
  assert.equal(commonBytes(await tokensOfNewNode(t), await tokensOfNewNode(t)), undefined)
})
