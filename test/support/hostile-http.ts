import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { exchange } from './exchange.ts'
import { within } from './stopwatch.ts'
import { until } from './until.ts'

export interface Target {
  port: number
  /** The host name of a request that should be accepted. */
  host: string
  /** Whether a slow body is accepted as long as it continues. */
  isPatientWithBodies: boolean
}

const IDLE_SOCKETS = 2_000

/** Malicious requests and their permitted responses. A request without 200 in its list must be rejected. */
export const hostileRequests: { what: string; request: (host: string) => string; statuses: number[] }[] = [
  ...[
    [
      'a request with two framings',
      'Content-Length: 4\r\nTransfer-Encoding: chunked',
      '0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n',
    ],
    ['two lengths', 'Content-Length: 2\r\nContent-Length: 3', '{}'],
    ['a length that is not a number', 'Content-Length: 0x2', '{}'],
    ['a length below zero', 'Content-Length: -1', ''],
    ['an unknown encoding', 'Transfer-Encoding: cow', '{}'],
    ['an encoding hidden by a blank', 'Transfer-Encoding : chunked', '0\r\n\r\n'],
    ['an encoding hidden by a folded line', 'Transfer-Encoding:\r\n chunked', '0\r\n\r\n'],
    ['an invalid chunk', 'Transfer-Encoding: chunked', 'zz\r\n{}\r\n0\r\n\r\n'],
  ].map(([what = '', header = '', body = '']) => ({
    what,
    request: (host: string) =>
      `POST /auth/login HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nContent-Type: application/json\r\n${header}\r\n\r\n${body}`,
    statuses: [400],
  })),
  ...[
    ['no Host', ''],
    ['two Hosts', 'Host: localhost\r\nHost: evil.example\r\n'],
    ['a Host with a path in it', 'Host: localhost/evil\r\n'],
    ['a Host with a blank in it', 'Host: local host\r\n'],
    ['a header without a name', 'Host: localhost\r\n: x\r\n'],
    ['a line feed alone in a header', 'Host: localhost\r\nX-A: b\nSet-Cookie: sid=x\r\n'],
    ['a carriage return alone in a header', 'Host: localhost\r\nX-A: b\rSet-Cookie: sid=x\r\n'],
    ['a NUL in a header', 'Host: localhost\r\nX-A: b\0c\r\n'],
  ].map(([what = '', headers = '']) => ({
    what,
    // nginx and Node may read some of these as harmless requests to a path that does not exist.
    request: () => `GET /nowhere HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`,
    statuses: [400, 404, 421],
  })),
  ...[
    ['dots', '/../../etc/passwd'],
    ['dots, encoded', '/%2e%2e/%2e%2e/etc/passwd'],
    ['dots, encoded twice', '/%252e%252e/etc/passwd'],
    ['dots with backslashes', '/..\\..\\etc\\passwd'],
    ['a NUL', '/index.html%00.css'],
    ['a bare NUL', '/index.html\0.css'],
    ['CRLF, encoded', '/x%0d%0aSet-Cookie:%20sid=x'],
    ['a broken escape', '/%'],
    ['bytes that are not UTF-8', '/%ff%fe'],
    ['another host', 'http://evil.example/api/user'],
    ['no slash', 'api/user'],
    ['an asterisk', '*'],
    ['9,000 letters', `/${'a'.repeat(9_000)}`],
  ].map(([what = '', path = '']) => ({
    what: `a path with ${what}`,
    request: (host: string) => `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    statuses: [400, 401, 404, 414, 421, 431],
  })),
  ...[
    '{"__proto__":{"username":"ada"},"password":"x"}',
    '{"constructor":{"prototype":{"username":"ada"}}}',
    '[[[['.repeat(900),
  ].map((body) => ({
    what: `the body ${body.slice(0, 30)}`,
    request: (host: string) =>
      `POST /auth/login HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    statuses: [400],
  })),
  { what: 'a request that is not HTTP', request: () => '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n', statuses: [400] },
  {
    what: 'a future version of HTTP',
    request: (host) => `GET / HTTP/9.9\r\nHost: ${host}\r\n\r\n`,
    statuses: [400],
  },
  {
    what: 'a proxy request',
    request: (host) => `CONNECT evil.example:80 HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    statuses: [400, 405],
  },
]

/** Sends one of them. The response must be a permitted one, or the connection is closed. */
export async function assertHarmless(
  target: Target,
  { request, statuses }: (typeof hostileRequests)[number],
): Promise<void> {
  const answer = await exchange(target.port, request(target.host)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE') return ''
    throw error
  })
  if (answer === '') return
  const status = Number(/^HTTP\/1\.[01] (\d{3}) /.exec(answer)?.[1])
  assert.ok(statuses.includes(status), `answered with ${answer.slice(0, 400)}`)
  assert.doesNotMatch(answer, /^Set-Cookie/im)
  // The bytes after the request must not become another request.
  assert.equal(answer.match(/^HTTP\/1\./gm)?.length, 1)
}

/**
 * Holds many idle connections and some that send a byte a second. Meanwhile normal requests must be answered quickly. In the
 * end the server must have closed every slow connection.
 */
export async function assertServesMeanwhile(target: Target, ask: () => Promise<number>): Promise<void> {
  const idle: Socket[] = []
  while (idle.length < IDLE_SOCKETS) {
    idle.push(...(await Promise.all(Array.from({ length: 100 }, () => open(target)))))
    // When this request is answered, the server has accepted all earlier connections. More than its queue holds (511) would
    // be unknown to the server.
    assert.equal(await ask(), 200)
  }
  const slow = await Promise.all(Array.from({ length: 20 }, () => open(target)))
  const trickles = slow.map((socket, turn) => trickle(socket, target, turn))
  try {
    for (let asked = 0; asked < 50; asked++) {
      assert.equal(await within(1_000, 'a request beside slow clients', ask), 200)
      await sleep(20)
    }
    const overdue = slow.filter((_socket, turn) => !(target.isPatientWithBodies && isInBody(turn)))
    await until(
      'the server has closed every slow connection',
      () => [...idle, ...overdue].every(({ closed }) => closed),
      40_000,
    )
    assert.equal(await ask(), 200)
  } finally {
    for (const socket of [...idle, ...slow]) socket.destroy()
    await Promise.all(trickles)
  }
}

async function open({ port }: Target): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  // Reads the response before the close. Otherwise the end would not be noticed.
  socket.resume()
  await once(socket, 'connect')
  return socket
}

/** Half of the slow connections have a slow body, the others a slow header. */
const isInBody = (turn: number) => turn % 2 === 1

async function trickle(socket: Socket, { host }: Target, turn: number): Promise<void> {
  socket.write(
    isInBody(turn)
      ? `POST /auth/login HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n`
      : `GET / HTTP/1.1\r\nHost: ${host}\r\nX-Slow: `,
  )
  while (!socket.closed && socket.writable) {
    socket.write('x')
    await sleep(1_000)
  }
}
