import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ADA, logIn } from '../support/http.ts'
import { run } from '../support/program.ts'
import { startTestRedis } from '../support/redis-server.ts'

test('a node that was started with the lowest priority checks passwords', {
  skip: process.platform === 'linux' ? false : 'the priority of a thread is a matter of Linux',
}, async (t) => {
  const redis = await startTestRedis()
  t.after(() => redis.stop())
  // Without the capability SYS_NICE, like a node in a container.
  const limits = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-sys_nice', '--inh-caps=-sys_nice'] : []
  const node = run('nice', ['-n', '19', ...limits, process.execPath, 'dist/src/server.js'], {
    REDIS_URL: redis.url,
    PORT: '0',
  })
  t.after(() => node.signal('SIGTERM'))
  const { url } = await node.listening()
  assert.equal((await logIn(url, ADA)).status, 200)
})
