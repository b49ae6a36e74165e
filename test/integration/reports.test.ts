import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type LogLine, type Program, runNode } from '../support/program.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'

// Violation reports of browsers and their log lines. Each test uses its own address because addresses are throttled.
let redis: TestRedis
let node: Program
let url: string

before(async () => {
  redis = await startTestRedis()
  node = runNode('server', { REDIS_URL: redis.url, TRUST_PROXY_HOPS: '1' })
  url = (await node.listening()).url
})
after(async () => {
  node.signal('SIGTERM')
  await node.ended
  await redis.stop()
})

const OLD = 'application/csp-report'
const NEW = 'application/reports+json'
const send = (from: string, type: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${url}/api/reports`, {
    method: 'POST',
    headers: { 'Content-Type': type, 'X-Forwarded-For': from, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

/** The violation lines that this request caused, without the fields of every line. */
async function loggedBy(response: Response): Promise<LogLine[]> {
  const requestId = response.headers.get('X-Request-Id')
  const isOfIt = (line: LogLine) => line.requestId === requestId
  await node.line((line) => isOfIt(line) && line.msg === 'request')
  return node.lines
    .filter((line) => isOfIt(line) && line.event === 'policy_violation')
    .map(({ level, time, node: _node, requestId: _id, msg, event, ...fields }) => fields)
}

test('a violation is one log line, without query strings, samples and full URLs of other sites', async () => {
  const secret = 'se-cret'
  const report = {
    'csp-report': {
      'document-uri': `http://localhost:8080/?token=${secret}#${secret}`,
      referrer: `http://localhost:8080/${secret}`,
      'violated-directive': 'script-src-elem',
      'effective-directive': 'script-src-elem',
      'original-policy': `default-src ${secret}`,
      'blocked-uri': `https://user:${secret}@evil.example:444/${secret}?${secret}`,
      'source-file': `http://localhost:8080/main.js?${secret}`,
      'line-number': 7,
      'script-sample': secret,
    },
  }
  const response = await send('192.0.2.1', OLD, report)
  assert.equal(response.status, 204)
  assert.deepEqual(response.headers.getSetCookie(), [])
  assert.deepEqual(await loggedBy(response), [
    {
      kind: 'csp-violation',
      rule: 'script-src-elem',
      blocked: 'https://evil.example:444',
      page: '/',
      source: '/main.js',
      line: 7,
    },
  ])
  assert.ok(!JSON.stringify(node.lines).includes(secret))
})

test('the newer report format is accepted too, and other kinds of reports are ignored', async () => {
  const page = 'https://localhost:8443/?token=x'
  const response = await send('192.0.2.2', NEW, [
    { type: 'csp-violation', url: page, age: 1, body: { effectiveDirective: 'img-src', blockedURL: 'inline' } },
    {
      type: 'permissions-policy-violation',
      url: page,
      body: { featureId: 'geolocation', sourceFile: 'chrome-extension://abc/x.js' },
    },
    { type: 'coep', url: page, body: { type: 'corp', blockedURL: 'https://evil.example/x?y' } },
    { type: 'deprecation', url: page, body: { id: 'old', message: 'x' } },
    { type: 'coop', url: page, body: null },
  ])
  assert.equal(response.status, 204)
  assert.deepEqual(await loggedBy(response), [
    { kind: 'csp-violation', rule: 'img-src', blocked: 'inline', page: '/' },
    { kind: 'permissions-policy-violation', rule: 'geolocation', page: '/', source: 'chrome-extension:' },
    { kind: 'coep', rule: 'corp', blocked: 'https://evil.example', page: '/' },
    { kind: 'coop', page: '/' },
  ])
})

test('a report can cause neither a second log line nor a long one', async () => {
  const long = `http://localhost/${'a'.repeat(3_000)}`
  const odd = await send('192.0.2.3', OLD, {
    'csp-report': {
      'document-uri': long,
      'effective-directive': 'x\n{"event":"login"}',
      'blocked-uri': 'javascript:alert(1)',
      'source-file': '\r\n\u001b[31m',
      'line-number': -1,
    },
  })
  assert.equal(odd.status, 204)
  const [line, ...more] = await loggedBy(odd)
  assert.deepEqual(more, [])
  assert.deepEqual(line, {
    kind: 'csp-violation',
    rule: '(other)',
    blocked: 'javascript:',
    page: new URL(long).pathname.slice(0, 128),
    source: '(other)',
  })
  const many = await send('192.0.2.3', NEW, Array(50).fill({ type: 'coop' }))
  assert.equal((await loggedBy(many)).length, 10)
})

test('an invalid report is rejected: by format, type, size, method, or origin', async () => {
  const report = { 'csp-report': {} }
  for (const [status, response] of [
    [400, await send('192.0.2.4', OLD, {})],
    [400, await send('192.0.2.4', OLD, '{')],
    [400, await send('192.0.2.4', NEW, [{ body: {} }])],
    [415, await send('192.0.2.4', 'application/json', report)],
    [413, await send('192.0.2.4', OLD, { 'csp-report': { 'document-uri': 'x'.repeat(5_000) } })],
    [403, await send('192.0.2.4', OLD, report, { 'Sec-Fetch-Site': 'cross-site' })],
    [403, await send('192.0.2.4', OLD, report, { Origin: 'http://evil.example' })],
    [405, await fetch(`${url}/api/reports`)],
  ] as const) {
    assert.equal(response.status, status)
    assert.match(response.headers.get('Content-Type') ?? '', /problem\+json/)
    assert.deepEqual(await loggedBy(response), [])
  }
})

test('reports are throttled per address and in total: more are 429 and not logged', async () => {
  const report = { 'csp-report': {} }
  const statuses = async (from: (turn: number) => string, times: number) => {
    const counts: Record<number, number> = {}
    for (let turn = 0; turn < times; turn++) {
      const response = await send(from(turn), OLD, report)
      counts[response.status] = (counts[response.status] ?? 0) + 1
      if (response.status === 429) assert.match(response.headers.get('Retry-After') ?? '', /^([1-9]|[1-5]\d|60)$/)
    }
    return counts
  }
  assert.deepEqual(await statuses(() => '192.0.2.5', 25), { 204: 20, 429: 5 })
  // Another address can still report. The IPv6 addresses of one subscriber count as one.
  assert.deepEqual(await statuses((turn) => `2001:db8::${turn}`, 22), { 204: 20, 429: 2 })
  // More addresses do not help: the node has a total limit.
  const { 204: taken = 0 } = await statuses((turn) => `198.51.100.${turn}`, 60)
  assert.ok(taken > 0 && taken < 20, `${taken} of the 60 were accepted`)
  const requests = node.lines.filter(({ event }) => event === 'policy_violation').length
  assert.ok(requests < 60 + 20, `${requests} lines`)
})
