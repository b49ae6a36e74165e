import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { cookieOf, logIn } from '../support/http.ts'
import { run } from '../support/program.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'

let redis: TestRedis
before(async () => {
  redis = await startTestRedis()
})
after(() => redis.stop())

/** With the same seed, Math.random returns the same numbers in every V8 process. */
const SEED = '--random-seed=42'

/** The token bytes of 20 logins at a newly started node. */
async function tokensOfNewNode(t: TestContext): Promise<Buffer> {
  const node = run(process.execPath, [SEED, 'dist/src/server.js'], {
    PORT: '0',
    REDIS_URL: redis.url,
    LOGINS_PER_MINUTE: '1000',
  })
  t.after(() => node.signal('SIGKILL'))
  const { url } = await node.listening()
  const tokens: Buffer[] = []
  for (let login = 0; login < 20; login++) {
    const response = await logIn(url, {
      username: 'ada',
      password: 'analytical-engine',
    })
    await response.arrayBuffer()
    assert.equal(response.status, 200)
    tokens.push(Buffer.from(cookieOf(response).slice('sid='.length), 'base64url'))
  }
  return Buffer.concat(tokens)
}

/** Finds eight bytes that both contain at any place. Equal generators may be some calls apart. */
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

test('7.2.3: two nodes with the same Math.random sequence have no part of a token in common', async (t) => {
  assert.equal(await mathRandomOfNewProcess(), await mathRandomOfNewProcess(), 'the seed works in this version of Node')
  assert.equal(commonBytes(await tokensOfNewNode(t), await tokensOfNewNode(t)), undefined)
})
