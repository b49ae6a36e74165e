import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { exchange } from '../lib/exchange.ts'
import { type Program, runNode } from '../lib/program.ts'
import { startTestRedis, type TestRedis } from '../lib/redis-server.ts'

let redis: TestRedis

before(async () => {
  redis = await startTestRedis()
})
after(() => redis.stop())

test('a file of the page is logged at debug, and everything else at info', async (t) => {
  for (const level of ['debug', 'info']) {
    const node = runNode('server', { REDIS_URL: redis.url, LOG_LEVEL: level })
    t.after(() => node.signal('SIGKILL'))
    const { port } = await node.line(({ msg }) => msg === 'Listening')
    for (const path of ['/style.css', '/api/cluster', '/no-such-file']) await fetch(`http://127.0.0.1:${port}${path}`)
    await node.line(({ path }) => path === '/no-such-file')
    assert.equal(levelOf(node, '/style.css'), level === 'debug' ? 'debug' : undefined)
    assert.equal(levelOf(node, '/api/cluster'), 'info')
    assert.equal(levelOf(node, '/no-such-file'), 'info')
    node.signal('SIGTERM')
    await node.ended
  }
})

const levelOf = (node: Program, path: string) => node.lines.find((line) => line.path === path)?.level

test('no line carries an escape code or a query of a client: U+009B in an Origin is escaped', async (t) => {
  const node = runNode('server', { REDIS_URL: redis.url })
  t.after(() => node.signal('SIGKILL'))
  const { port } = await node.line(({ msg }) => msg === 'Listening')
  const lines = [
    'POST /escape?in-the-query HTTP/1.1',
    `Host: 127.0.0.1:${port}`,
    'Origin: http://evil.example/\x9b31m\x85',
    'Referer: http://evil.example/\x9b31m?in-the-query',
    'Content-Length: 0',
    'Connection: close',
  ]
  await exchange(Number(port), `${lines.join('\r\n')}\r\n\r\n`)
  await node.line(({ event }) => event === 'cross_site_refused')
  await node.line(({ path }) => path === '/escape')
  for (const text of node.texts) assert.doesNotMatch(text, /\p{Cc}|in-the-query/u)
})
