import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { TOP } from '../support/command.ts'

// Values of nginx that depend on those of the nodes. test/stack tests what nginx does with them.

const read = (path: string) => readFile(`${TOP}${path}`, 'utf8')

/** The number in the first group. With a unit it is in milliseconds. */
function numberIn(text: string, pattern: RegExp): number {
  const [, number = '', unit = ''] = pattern.exec(text) ?? []
  assert.notEqual(number, '', `${pattern} does not match`)
  return Number(number.replaceAll('_', '')) * ({ s: 1_000 }[unit] ?? 1)
}

test('a node keeps an idle connection longer than nginx, so nginx never sends a request on a closing connection', async () => {
  const ofNginx = numberIn(await read('nginx/failover-upstreams.conf.template'), /keepalive_timeout (\d+)(s);/)
  const ofNode = numberIn(await read('app/src/lifecycle/listen.ts'), /keepAliveTimeout: ([\d_]+)/)
  assert.ok(ofNode > ofNginx + 5_000, `${ofNode} and ${ofNginx}`)
})

test('nginx waits longer for an event stream than a node’s ping interval', async () => {
  const ofNginx = numberIn(await read('nginx/parts/events.conf'), /proxy_read_timeout (\d+)(s);/)
  const ping = numberIn(await read('app/src/events/event-streams.ts'), /PING_MS = ([\d_]+)/)
  assert.ok(ofNginx >= 3 * ping, `${ofNginx} and ${ping}`)
})

test('nginx sends no request to a node that has left while DNS still lists it, and a draining node waits longer than that', async () => {
  const upstreams = await read('nginx/failover-upstreams.conf.template')
  const failMs = numberIn(upstreams, /max_fails=1 fail_timeout=(\d+)(s);/)
  assert.ok(failMs > numberIn(upstreams, /resolver \$\{RESOLVER\} valid=(\d+)(s) /))
  assert.ok(failMs < numberIn(await read('app/src/lifecycle/drain.ts'), /NOTICE_MS = ([\d_]+)/))
})

test('nginx stops its event streams before Docker kills it', async () => {
  const ofNginx = numberIn(await read('nginx/nginx.conf'), /worker_shutdown_timeout (\d+)(s);/)
  const compose = await read('docker-compose.yml')
  assert.ok(ofNginx < numberIn(compose.slice(compose.indexOf('  nginx:')), /stop_grace_period: (\d+)(s)/))
})

test('nginx accepts bodies of the same size as a node, and keeps them in memory', async () => {
  const memory = await read('nginx/parts/memory.conf')
  const most = numberIn(memory, /client_max_body_size (\d+)k;/)
  for (const routes of ['auth', 'reports'])
    assert.equal(most, numberIn(await read(`app/src/routes/${routes}.routes.ts`), /BODY_LIMIT = '(\d+)kb'/))
  assert.ok(numberIn(memory, /client_body_buffer_size (\d+)k;/) >= 2 * most)
  assert.equal(numberIn(memory, /proxy_max_temp_file_size (\d+);/), 0)
})

test('nginx repeats a POST only after the node has reported that it did nothing', async () => {
  const [general = '', ...locations] = (await read('nginx/parts/failover.conf')).split(/^location /m)
  const repeats = (text: string) => /^ *proxy_next_upstream [^;]*\bnon_idempotent\b/m.test(text)
  assert.ok(!repeats(general))
  const where = locations.filter(repeats).map((text) => text.split(' ', 1)[0])
  assert.deepEqual(where, ['@retry_on_another_node'])
})

test('nginx overwrites the headers that tell a node the address, the scheme, the request id and the location for a retry', async () => {
  const [app, failover] = [await read('nginx/parts/app.conf'), await read('nginx/parts/failover.conf')]
  const given = [...(app + failover).matchAll(/^proxy_set_header (\S+) (.+);$/gm)].map(([, name, value]) => [
    name,
    value,
  ])
  assert.deepEqual(Object.fromEntries(given), {
    Connection: '""',
    Host: '$host$is_request_port$request_port',
    'X-Forwarded-For': '$client_address',
    'X-Forwarded-Proto': '$client_scheme',
    'X-Request-Id': '$request_id',
    'X-Retry-Location': '$retry_location',
  })
})

test('one network has a limited share of the requests and the logins', async () => {
  const [memory, limits] = [await read('nginx/parts/memory.conf'), await read('nginx/parts/limits.conf')]
  assert.match(memory, /^limit_conn_zone \$client_network zone=network:/m)
  assert.match(memory, /^limit_req_zone \$logging_in zone=logins:\S+ rate=20r\/s;$/m)
  assert.match(memory, /^ {2}"POST \/auth\/login" \$client_network;$/m)
  const ofAll = numberIn(limits, /^limit_conn everybody (\d+);$/m)
  assert.ok(numberIn(limits, /^limit_conn network (\d+);$/m) <= ofAll / 7)
  assert.ok(numberIn(limits, /^limit_req zone=logins burst=(\d+) nodelay;$/m) <= 200)
})

test('nginx closes the connection of a slow client within seconds, and frees its memory in the kernel', async () => {
  const memory = await read('nginx/parts/memory.conf')
  for (const [directive, mostMs] of [
    ['client_header_timeout', 5_000],
    ['client_body_timeout', 5_000],
    ['send_timeout', 10_000],
    ['lingering_time', 5_000],
    ['lingering_timeout', 2_000],
  ] as const) {
    assert.ok(numberIn(memory, new RegExp(`^${directive} (\\d+)(s);$`, 'm')) <= mostMs, directive)
  }
  assert.match(memory, /^reset_timedout_connection on;$/m)
})
