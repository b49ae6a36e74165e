import assert from 'node:assert/strict'
import { exchange } from './exchange.ts'
import { assertPolicyHeaders } from './policy-headers.ts'

/** The bytes of a request, and the additional requirements on its response. */
export interface AnswerCase {
  what: string
  request: string
  /** Or one of several, if the server may choose. */
  status: number | readonly number[]
  servedBy: RegExp
  headers?: Record<string, RegExp>
}

/** An HTTP/1.1 request to localhost that closes its connection. */
export const line = (first: string, headers: readonly string[] = [], body = '') =>
  [`${first} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers, '', body].join('\r\n')

export const withJson = (body: string) => ['Content-Type: application/json', `Content-Length: ${body.length}`]

/** Sends the request and asserts that its response has everything that every response must have. */
export async function assertWholeAnswer(port: number, { what, request, status, servedBy, headers }: AnswerCase) {
  const answer = parseAnswer(await exchange(port, request))
  const seen = `${what}: ${answer.status} ${JSON.stringify([...answer.headers])} ${answer.body}`
  assert.ok([status].flat().includes(answer.status), seen)
  assertPolicyHeaders(answer.headers, what, { isPage: isFile(request, answer.status) && request.startsWith('GET / ') })
  const expected = { 'X-Served-By': servedBy, 'X-Request-Id': /^[0-9a-f-]{32,36}$/, ...headers }
  for (const [name, value] of Object.entries(expected)) {
    assert.match(answer.headers.get(name) ?? '', value, `${name} of ${seen}`)
  }
  assert.match(
    answer.headers.get('Cache-Control') ?? '',
    isFile(request, answer.status) ? /max-age=0/ : /no-store/,
    seen,
  )
  if (answer.status >= 400 && !request.startsWith('HEAD')) {
    assert.match(answer.headers.get('Content-Type') ?? '', /^application\/problem\+json/, seen)
    assert.ok(answer.body.includes(`"status":${answer.status}`), seen)
  }
  assert.doesNotMatch(answer.body, /<html/i, seen)
}

const isFile = (request: string, status: number) =>
  (status === 200 || status === 304) && /^(GET|HEAD) \/(style\.css|icon\.svg)? /.test(request)

function parseAnswer(answer: string) {
  const [head = '', ...rest] = answer.split('\r\n\r\n')
  const [first = '', ...lines] = head.split('\r\n')
  const headers = new Headers()
  for (const text of lines) headers.append(text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1))
  return { status: Number(first.split(' ')[1]), headers, body: isPage(headers) ? '' : rest.join('\r\n\r\n') }
}

/** The page is the project's own HTML. */
const isPage = (headers: Headers) =>
  headers.get('Content-Type')?.startsWith('text/html') === true && headers.has('ETag')

const TOO_LONG = 'x'.repeat(5_000)

/** Requests that a node answers behind any proxy, and requests that its parser rejects. */
export const nodeCases = (servedBy: RegExp): AnswerCase[] =>
  [
    { what: 'the page', request: line('GET /'), status: 200 },
    { what: 'a file', request: line('GET /style.css'), status: 200 },
    { what: 'a file that has not changed', request: line('GET /style.css', ['If-None-Match: *']), status: 304 },
    { what: 'the nodes', request: line('GET /api/cluster'), status: 200 },
    { what: 'the head of a stream of events', request: line('HEAD /api/events'), status: 200 },
    { what: 'a logout', request: line('POST /auth/logout', ['Content-Length: 0']), status: 204 },
    { what: 'a body that is no JSON', request: line('POST /auth/login', withJson('{'), '{'), status: 400 },
    { what: 'no session', request: line('GET /api/user'), status: 401 },
    {
      what: 'a page of another origin',
      request: line('POST /auth/logout', ['Content-Length: 0', 'Origin: http://evil.example']),
      status: 403,
    },
    { what: 'nothing there', request: line('GET /nowhere'), status: 404 },
    { what: 'a broken escape', request: line('DELETE /api/sessions/%'), status: 400 },
    { what: 'a wrong method', request: line('GET /auth/login'), status: 405, headers: { Allow: /^POST$/ } },
    { what: 'OPTIONS', request: line('OPTIONS /api/user'), status: 405, headers: { Allow: /^GET$/ } },
    {
      what: 'a long body',
      request: line('POST /auth/login', withJson(TOO_LONG), TOO_LONG),
      status: 413,
    },
    { what: 'a form', request: line('POST /auth/login', ['Content-Length: 1'], 'x'), status: 415 },
    { what: 'an expectation', request: line('GET /api/user', ['Expect: miracles']), status: 401 },
  ].map((given) => ({ servedBy, ...given }))

/** Paths for operators. Neither nginx nor the local balancer serves them. */
export const probeCases = (servedBy: RegExp): AnswerCase[] =>
  ['/livez', '/readyz', '/metrics'].map((path) => ({
    ...{ what: path, request: line(`GET ${path}`), status: 200, servedBy },
  }))

/** Requests that Node or its parser rejects, in a node and in the local balancer. */
export const parserCases = (servedBy: RegExp): AnswerCase[] =>
  [
    { what: 'no HTTP', request: 'nonsense\r\n\r\n', status: 400 },
    { what: 'two lengths', request: line('POST /', ['Content-Length: 1', 'Content-Length: 2'], 'x'), status: 400 },
    { what: 'no Host', request: 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', status: 400 },
    { what: 'two Hosts', request: line('GET /', ['Host: localhost']), status: 400 },
    { what: 'long headers', request: line('GET /', [`X-Long: ${'x'.repeat(20_000)}`]), status: 431 },
    { what: 'half a header', request: 'GET / HTTP/1.1\r\nX-Half: ', status: 408 },
    {
      what: 'CONNECT',
      request: 'CONNECT evil.example:80 HTTP/1.1\r\nHost: evil.example:80\r\n\r\n',
      status: 405,
      headers: { Allow: /GET/ },
    },
  ].map((given) => ({ servedBy, ...given }))
