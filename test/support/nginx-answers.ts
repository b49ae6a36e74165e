import { type AnswerCase, line, nodeCases } from './every-answer.ts'

const servedBy = /^nginx$/
const withHost = (first: string, host: string) => `${first}\r\nHost: ${host}\r\nConnection: close\r\n\r\n`

/** nginx's own responses over plain http while all nodes are running. */
export const nginxCases: readonly AnswerCase[] = [
  { what: 'no HTTP', request: 'nonsense\r\n\r\n', status: 400 },
  { what: 'a future version of HTTP', request: withHost('GET / HTTP/9.9', 'localhost'), status: 400 },
  { what: 'an unknown encoding', request: line('POST /auth/login', ['Transfer-Encoding: cow']), status: 400 },
  { what: 'no Host', request: 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', status: 400 },
  { what: 'two Hosts', request: line('GET /', ['Host: localhost']), status: 400 },
  { what: 'OPTIONS of all', request: line('OPTIONS *'), status: 400 },
  { what: 'long headers', request: line('GET /', [`X-Long: ${'x'.repeat(40_000)}`]), status: [400, 431] },
  { what: 'metrics', request: line('GET /metrics'), status: 404 },
  { what: 'its own page for errors', request: line('GET /problem'), status: 404 },
  { what: 'TRACE', request: line('TRACE /'), status: 405, headers: { Allow: /^GET, HEAD, POST, DELETE, OPTIONS$/ } },
  {
    what: 'CONNECT',
    request: withHost('CONNECT evil.example:80 HTTP/1.1', 'evil.example'),
    status: 405,
    headers: { Allow: /GET/ },
  },
  { what: 'a long body', request: line('POST /auth/login', ['Content-Length: 70000']), status: 413 },
  { what: 'a long path', request: line(`GET /${'a'.repeat(40_000)}`), status: 414 },
  { what: 'another host', request: withHost('GET / HTTP/1.1', 'evil.example'), status: 421 },
  {
    what: 'the control nodes without a slash',
    request: line('GET /control'),
    status: 308,
    headers: { Location: /^\/control\/$/ },
  },
  { what: 'no control nodes', request: line('GET /control/'), status: 503 },
].map((given) => ({ servedBy, ...given }))

/** Responses of a node through nginx. nginx may generate some of them itself. */
export const casesThroughNginx: readonly AnswerCase[] = nodeCases(/^(app-\d|nginx)$/)

/** Requests whose target and Host header differ: the status, and the server that responds. */
export const twoHosts: readonly AnswerCase[] = [
  { target: 'http://evil.example/api/user', host: 'localhost', status: 421, servedBy },
  { target: 'http://localhost.evil.example/api/user', host: 'localhost', status: 421, servedBy },
  { target: 'http://user@localhost/api/user', host: 'localhost', status: 400, servedBy },
  { target: 'http://localhost:1/api/user', host: 'evil.example', status: 401, servedBy: /^app-\d$/ },
  { target: '/api/user', host: 'user@localhost', status: 400, servedBy },
  { target: '/api/user', host: 'localhost.', status: 401, servedBy: /^app-\d$/ },
].map(({ target, host, status, servedBy }) => ({
  ...{ what: `${target} with Host: ${host}`, request: withHost(`GET ${target} HTTP/1.1`, host), status, servedBy },
}))
