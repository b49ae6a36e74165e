import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { cookieOf, getUser, logIn } from '../support/http.ts'
import { ANOTHER_FORM, type Change, ONE_MEMBER_MORE, startOtherVersion } from '../support/other-version.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { until } from '../support/until.ts'

// Two versions of the application on one Redis: the state in the middle of a rolling update, and of its rollback. Under load, on
// Kubernetes: test/stack/kubernetes-versions.test.ts

async function startVersions(t: TestContext, changes: readonly Change[]) {
  const redis = await startTestRedis()
  t.after(() => redis.stop())
  const env = { REDIS_URL: redis.url, SESSION_ROTATE: '1', SESSION_ROTATE_GRACE: '1', SESSION_RENEW_SECONDS: '1' }
  const start = async (version: readonly Change[]) => (await (await startOtherVersion(t, version, env)).listening()).url
  const [older, newer] = await Promise.all([start([]), start(changes)])
  return { redis, older, newer }
}

/** The records of sessions in Redis, without pointers of replaced tokens. */
async function recordsIn({ inspector }: TestRedis): Promise<string[]> {
  const keys = await inspector.keys('session:*')
  const texts = await Promise.all(keys.map((key) => inspector.get(key)))
  return texts.flatMap((text) => (text === null || text.includes('replacedBy') ? [] : [text]))
}

/** Uses a session until this node has replaced its token. Returns the new cookie. */
async function rotateOn(url: string, cookie: string): Promise<string> {
  return until('the node replaces the token', async () => {
    const response = await getUser(url, cookie)
    assert.equal(response.status, 200, `rejected at ${url}`)
    return cookieOf(response)
  })
}

test('during a rolling update and its rollback, both versions honour, rotate and renew each other’s sessions', async (t) => {
  const { older, newer } = await startVersions(t, ONE_MEMBER_MORE)
  for (const [creator, other] of [
    [older, newer],
    [newer, older],
  ] as const) {
    let cookie = cookieOf(await logIn(creator))
    for (const url of [other, creator, other]) {
      cookie = await rotateOn(url, cookie)
      for (const next of [older, newer]) assert.equal((await getUser(next, cookie)).status, 200)
    }
  }
})

test('what a newer version has written into a session survives a rotation by an older one, and no client receives it', async (t) => {
  const { redis, older, newer } = await startVersions(t, ONE_MEMBER_MORE)
  const cookie = await rotateOn(older, cookieOf(await logIn(newer)))
  const response = await getUser(older, cookie)
  assert.doesNotMatch(await response.text(), /gold/)
  const records = await recordsIn(redis)
  assert.ok(records.length > 0)
  for (const record of records) assert.match(record, /"plan":"gold"/)
})

test('the control: an older version rejects the sessions of a version whose records have another form', async (t) => {
  const { older, newer } = await startVersions(t, ANOTHER_FORM)
  const cookie = cookieOf(await logIn(newer))
  assert.equal((await getUser(newer, cookie)).status, 200)
  await assert.rejects(rotateOn(older, cookie), /rejected at/)
})
