import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { command, succeed } from '../support/command.ts'
import { exchange } from '../support/exchange.ts'
import { send } from '../support/http.ts'
import { type Program, runNode } from '../support/program.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'

let redis: TestRedis

before(async () => {
  redis = await startTestRedis()
})
after(() => redis.stop())

test('requests for static files are logged at debug, all other requests at info', async (t) => {
  for (const level of ['debug', 'info']) {
    const node = runNode('server', { REDIS_URL: redis.url, LOG_LEVEL: level })
    t.after(() => node.signal('SIGKILL'))
    const { url } = await node.listening()
    for (const path of ['/style.css', '/api/cluster', '/no-such-file']) await send(url, path)
    await node.line(({ path }) => path === '/no-such-file')
    assert.equal(levelOf(node, '/style.css'), level === 'debug' ? 'debug' : undefined)
    assert.equal(levelOf(node, '/api/cluster'), 'info')
    assert.equal(levelOf(node, '/no-such-file'), 'info')
    node.signal('SIGTERM')
    await node.ended
  }
})

const levelOf = (node: Program, path: string) => node.lines.find((line) => line.path === path)?.level

test('no log line contains an escape code or a client’s query: U+009B in an Origin is escaped', async (t) => {
  const node = runNode('server', { REDIS_URL: redis.url })
  t.after(() => node.signal('SIGKILL'))
  const { port } = await node.listening()
  const lines = [
    'POST /escape?in-the-query HTTP/1.1',
    `Host: 127.0.0.1:${port}`,
    'Origin: http://evil.example/\x9b31m\x85',
    'Referer: http://evil.example/\x9b31m?in-the-query',
    'Content-Length: 0',
    'Connection: close',
  ]
  await exchange(port, `${lines.join('\r\n')}\r\n\r\n`)
  await node.line(({ event }) => event === 'cross_site_refused')
  await node.line(({ path }) => path === '/escape')
  for (const text of node.texts) assert.doesNotMatch(text, /\p{Cc}|in-the-query/u)
})

test('the logger escapes the control characters that JSON allows', async () => {
  const logger = new URL('../../../app/dist/src/logger.js', import.meta.url).href
  const program = `import { createLogger } from '${logger}'
    createLogger({ level: 'info', node: 'app-1' }).info({ text: '\\u009b31m\\u007f' })`
  const line = await succeed(process.execPath, ['--input-type=module', '--eval', program])
  assert.match(line, /"text":"\\u009b31m\\u007f"/)
})

test('a node that is stopped or fails has logged every request that it answered', async (t) => {
  for (const end of ['SIGTERM', 'SIGUSR2'] as const) {
    const failing = `process.on('SIGUSR2', () => { throw new Error('on purpose') })`
    const node = runNode('server', {
      REDIS_URL: redis.url,
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(failing)}`,
    })
    t.after(() => node.signal('SIGKILL'))
    const { url } = await node.listening()
    const answered = await Promise.all(Array.from({ length: 200 }, () => send(url, '/api/cluster')))
    node.signal(end)
    const lines = await node.allLines
    const logged = new Set(lines.filter(({ path }) => path === '/api/cluster').map(({ requestId }) => requestId))
    assert.deepEqual(logged, new Set(answered.map(({ headers }) => headers.get('X-Request-Id'))))
  }
})

/** Runs a program that logs with the loggers of a node and then kills itself. Returns the messages that it has written. */
async function writtenBefore(killed: string): Promise<unknown[]> {
  const logger = new URL('../../../app/dist/src/logger.js', import.meta.url).href
  const program = `import { createNodeLoggers } from '${logger}'
    const { log, access } = createNodeLoggers({ level: 'info', node: 'app-1' })
    const kill = () => process.kill(process.pid, 'SIGKILL')
    ${killed}`
  const { output } = await command(process.execPath, ['--input-type=module', '--eval', program])
  return output
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line).msg)
}

test('a node that is killed loses the requests of its last 100 ms at most, and never an event', async () => {
  // Node runs timers in the order of their times, on a slow machine too.
  const later = `access.info('request'); setTimeout(kill, 100)`
  assert.deepEqual(await writtenBefore(later), ['request'])
  assert.deepEqual(await writtenBefore(`access.info('request'); log.info('event'); kill()`), ['request', 'event'])
  assert.deepEqual(await writtenBefore(`log.info('event'); access.info('request'); kill()`), ['event'])
})
