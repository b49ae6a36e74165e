import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { assertWholeAnswer, line, nodeCases, parserCases, probeCases } from '../support/every-answer.ts'
import { type Program, runNode } from '../support/program.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { until } from '../support/until.ts'

// Without nginx: a single node, workers that share a port, and nodes behind the local balancer.
let redis: TestRedis

before(async () => {
  redis = await startTestRedis()
})
after(() => redis.stop())

/** Rejected hosts and targets that name one. Nodes and the local balancer use the same list. */
const misdirected = (servedBy: RegExp) =>
  [
    'GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
    'GET /api/user HTTP/1.1\r\nHost: localhost.evil.example\r\nConnection: close\r\n\r\n',
    'GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: user@localhost\r\nConnection: close\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: 192.0.2.1\r\nConnection: close\r\n\r\n',
    'GET / HTTP/1.0\r\n\r\n',
  ].map((request) => ({ what: request, request, status: 421, servedBy }))

const MODES = [
  { program: 'server', ready: 'Listening', node: /^app-1$/, front: /^app-1$/ },
  { program: 'server-cluster', ready: 'Cluster is ready', node: /^app-[123]$/, front: /^app-[123]$/ },
  { program: 'server-lb', ready: 'Balancer is ready', node: /^app-[123]$/, front: /^balancer$/ },
] as const

// These tests mostly wait for the header timeout.
describe('without nginx', { concurrency: true }, () => {
  for (const { program, ready, node, front } of MODES) {
    describe(program, { concurrency: true }, () => {
      let started: Program
      let port: number

      before(async () => {
        const name = program === 'server' ? { NODE_NAME: 'app-1' } : {}
        started = runNode(program, { REDIS_URL: redis.url, PUBLIC_HOST: 'sessions.example.org', ...name })
        await started.line(({ msg }) => msg === ready)
        port = portOf(started)
      })
      after(async () => {
        started.signal('SIGTERM')
        assert.equal(await started.ended, 0)
      })

      test(`${program}: every response has X-Served-By and the security headers, also for invalid requests`, async () => {
        const cases = [...nodeCases(node), ...parserCases(front)]
        if (program !== 'server-lb') cases.push(...probeCases(node))
        await Promise.all(cases.map((one) => assertWholeAnswer(port, one)))
      })

      test(`${program} serves this machine’s own names and PUBLIC_HOST, and no other host`, async () => {
        for (const host of [
          ...['localhost', `LOCALHOST:${port}`, 'localhost.', '127.0.0.1:1', '[::1]'],
          ...['sessions.example.org', 'Sessions.Example.org:8080'],
        ]) {
          const request = `GET /api/user HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
          await assertWholeAnswer(port, { what: host, request, status: 401, servedBy: node })
        }
        for (const one of misdirected(front)) await assertWholeAnswer(port, one)
        // The host in the target overrides the header: RFC 9112, 3.2.2.
        const request = `GET http://localhost:${port}/api/user HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`
        await assertWholeAnswer(port, { what: 'a target with a host', request, status: 401, servedBy: node })
      })
    })
  }
})

test('without a node, the response of the local balancer has the same headers', async () => {
  const started = runNode('server-lb', { REDIS_URL: redis.url, NODES: '2' })
  await started.line(({ msg }) => msg === 'Balancer is ready')
  const port = portOf(started)
  for (const path of ['/metrics', '/livez']) {
    await assertWholeAnswer(port, { what: path, request: line(`GET ${path}`), status: 404, servedBy: /^balancer$/ })
  }
  for (const { pid } of started.lines.filter(({ msg }) => msg === 'Node started')) process.kill(Number(pid), 'SIGKILL')
  await until('both nodes have exited', () => started.lines.filter(({ ended }) => ended).length === 2)
  const headers = { 'Retry-After': /^1$/ }
  await assertWholeAnswer(port, {
    ...{ what: 'no node', request: line('GET /api/user'), status: 503, servedBy: /^balancer$/ },
    headers,
  })
  started.signal('SIGTERM')
  assert.equal(await started.ended, 0)
})

function portOf({ lines }: Program): number {
  const url = lines.map(({ url }) => url).find((text) => typeof text === 'string')
  const port = typeof url === 'string' ? new URL(url).port : lines.find(({ msg }) => msg === 'Listening')?.port
  return Number(port)
}
