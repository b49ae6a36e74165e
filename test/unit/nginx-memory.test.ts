import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { TOP } from '../support/command.ts'

// The memory table of nginx.conf. test/stack/security.test.ts measures the real memory of a connection.

const read = (path: string) => readFile(`${TOP}${path}`, 'utf8')

for (const [column, file] of [
  ['http', 'docker-compose.yml'],
  ['TLS', 'deploy/compose.tls.yml'],
] as const) {
  test(`nginx needs at most 95 % of its memory limit: over ${column}`, async () => {
    const [conf, limits, compose] = [
      await read('nginx/nginx.conf'),
      await read('nginx/parts/limits.conf'),
      await read(file),
    ]
    const [processes, clients, requests] = rowsOf(conf).map(({ most, http, tls }) => ({
      most,
      bytes: (column === 'TLS' ? tls : http) * 1_000,
    }))
    assert.ok(processes && clients && requests)
    assert.equal(clients.most, numberIn(conf, /worker_processes (\d+)/) * numberIn(conf, /worker_connections (\d+)/))
    assert.equal(requests.most, numberIn(limits, /limit_conn everybody (\d+)/))
    // A request uses two connections.
    assert.ok(2 * requests.most < clients.most)
    const withoutRequests = processes.bytes + clients.most * clients.bytes
    const withAll = withoutRequests + requests.most * (requests.bytes - clients.bytes)
    const has = numberIn(compose.slice(compose.indexOf('  nginx:')), /mem_limit: (\d+)m/) * 1024 * 1024
    assert.ok(Math.max(withoutRequests, withAll) < 0.95 * has, `${withoutRequests} and ${withAll} of ${has}`)
  })
}

test('nginx may open as many files as its connections need', async () => {
  const [conf, compose] = [await read('nginx/nginx.conf'), await read('docker-compose.yml')]
  const files = numberIn(conf, /worker_rlimit_nofile (\d+)/)
  assert.equal(files, numberIn(compose, /nofile: (\d+)/))
  assert.ok(files >= 2 * numberIn(conf, /worker_connections (\d+)/))
})

/** The rows of the table in nginx.conf. The first cell is text, the others are numbers. */
const rowsOf = (conf: string) =>
  [...conf.matchAll(/^# +\|[^|]+\| +(\d+) \| +(\d+) \| +(\d+) \|$/gm)].map(([, most, http, tls]) => ({
    most: Number(most),
    http: Number(http),
    tls: Number(tls),
  }))

function numberIn(text: string, pattern: RegExp): number {
  const value = Number(pattern.exec(text)?.[1])
  assert.ok(value > 0, `${pattern} does not match`)
  return value
}
