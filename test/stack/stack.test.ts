import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { judge } from 'loadtest/lib/judge'
import { command } from '../support/command.ts'
import {
  assertEveryNodeSays,
  createComposeStack,
  PATIENT_WITH_REDIS,
  THREE_NODES,
  untilEveryNodeAccepts,
} from '../support/compose-stack.ts'
import { type Credentials, GRACE } from '../support/http.ts'
import { prove } from '../support/proof.ts'
import { failures, startSteadyLoad } from '../support/steady-load.ts'
import { until } from '../support/until.ts'
import { secretsSeen } from '../support/visitor.ts'

const stack = createComposeStack('sessions-test', PATIENT_WITH_REDIS)
const { make, docker, containerOf, raw } = stack
const env = stack.env
let url: string
let saidByMakeUp: string

before(async () => {
  await stack.choosePorts()
  url = stack.url()
  // A test changes a file of this checkout.
  await stack.useOwnCheckout()
  saidByMakeUp = await stack.up()
})
after(() => stack.down())

test('make up starts the stack, waits until it is healthy, and prints its address and the next commands', async () => {
  assert.match(
    saidByMakeUp,
    new RegExp(`${url}[\\s\\S]*ada +analytical-engine[\\s\\S]*make loadtest[\\s\\S]*make logs`),
  )
  assert.match(
    saidByMakeUp,
    /^All clients of 127\.0\.0\.1 share one address here: failed logins are counted per account only\./m,
  )
  assert.equal((await stack.stranger().ask('/')).status, 200)
})

test('make up on a running stack succeeds and changes nothing', async () => {
  const containers = () => docker('compose', 'ps', '--quiet', '--no-trunc')
  const before = await containers()
  await make('up')
  assert.equal(await containers(), before)
})

test('make up recreates nginx when a file mounted into it has changed', async () => {
  const label = () => docker('inspect', '--format', '{{.Config.Labels.config}}', containerOf('nginx-1'))
  const before = await label()
  assert.match(before, /^[0-9a-f]{64}\n$/)
  const file = `${stack.folder()}/nginx/changed-by-a-test.conf`
  await writeFile(file, '# Included by nothing.\n')
  try {
    await make('up')
    assert.notEqual(await label(), before)
  } finally {
    await rm(file)
  }
  await make('up')
  assert.equal(await label(), before)
})

test('make up on a port in use fails with a message that names another port', async () => {
  const squatter = createServer().listen(0, '127.0.0.1')
  await once(squatter, 'listening')
  try {
    const address = squatter.address()
    const port = typeof address === 'object' ? address?.port : 0
    const { code, output } = await command('make', ['up', `PORT=${port}`], {
      ...env,
      COMPOSE_PROJECT_NAME: 'sessions-test-2',
    })
    assert.notEqual(code, 0)
    assert.match(output, new RegExp(`Port ${port} is in use\\. Run: make up PORT=9090`))
  } finally {
    squatter.close()
  }
})

test('every node accepts a session created on any node, and rejects it after logout', async () => {
  const proof = await prove({ url, nodes: THREE_NODES, minPerCell: 10 })
  assert.equal(proof.matrix.length, 9)
  assert.deepEqual(judge(proof), [])
})

test('nginx balances in strict round-robin: any three consecutive requests reach three nodes', async () => {
  const visitor = await stack.visitor()
  const served: string[] = []
  for (let asked = 0; asked < 30; asked++) served.push((await visitor.whoAmI()).servedBy)
  for (let first = 0; first <= served.length - 3; first++) {
    assert.deepEqual(served.slice(first, first + 3).sort(), THREE_NODES)
  }
})

test('each request has one log line of the node and one of nginx, with the names that Compose prints', async () => {
  const visitor = await stack.visitor()
  const { servedBy, headers } = await visitor.whoAmI()
  const requestId = headers.get('X-Request-Id') ?? ''
  const parse = async (prefix: string) => {
    const line = await stack.lineWith(prefix, requestId)
    return JSON.parse(line.slice(line.indexOf('{')))
  }
  const node = await parse(`${servedBy} `)
  assert.deepEqual(
    [node.level, node.node, node.method, node.path, node.status, node.user],
    ['info', servedBy, 'GET', '/api/user', 200, 'ada'],
  )
  assert.ok(node.ms > 0 && Date.parse(node.time) > 0)
  const nginx = await parse('nginx-1 ')
  assert.deepEqual([nginx.upstreamNode, nginx.status, nginx.path], [servedBy, 200, '/api/user'])
  assert.ok(Number(nginx.upstreamSeconds) >= 0 && Date.parse(nginx.time) > 0)
})

const MIB = 2 ** 20
/** The limits of one container. With three nodes, the stack may use 1.8 GiB. */
const LIMITS: Record<string, { memoryMib: number; cpus: number; processes: number }> = {
  app: { memoryMib: 384, cpus: 1, processes: 128 },
  nginx: { memoryMib: 384, cpus: 1, processes: 128 },
  redis: { memoryMib: 320, cpus: 1, processes: 128 },
}

test('each container runs as non-root, without capabilities, with a read-only disk, no-new-privileges and resource limits', async () => {
  const names = [...THREE_NODES.map(containerOf), containerOf('nginx-1'), containerOf('redis-1')]
  for (const container of JSON.parse(await docker('inspect', ...names))) {
    const { Config: config, HostConfig: host, Name: name } = container
    assert.match(config.User, /^[1-9]\d*:[1-9]\d*$/, name)
    assert.equal(host.ReadonlyRootfs, true, name)
    assert.deepEqual(host.CapDrop, ['ALL'], name)
    assert.deepEqual(host.CapAdd ?? [], [], name)
    assert.deepEqual(host.SecurityOpt, ['no-new-privileges:true'], name)
    assert.equal(host.Privileged, false, name)
    const limits = { memoryMib: host.Memory / MIB, cpus: host.NanoCpus / 1e9, processes: host.PidsLimit }
    assert.deepEqual(limits, LIMITS[config.Labels['com.docker.compose.service']], name)
    assert.equal(host.OomKillDisable ?? false, false, name)
    assert.equal(host.Init, true, name)
    assert.equal(container.State.Health.Status, 'healthy', name)
    assert.equal(host.RestartPolicy.Name, 'unless-stopped', name)
  }
})

test('a process that exceeds its container’s memory limit is killed, and Redis’s limit is at least 1.5 times maxmemory', async () => {
  for (const [service, { memoryMib }] of Object.entries(LIMITS)) {
    // tail reads an endless line. ulimit protects a machine on which the container's limit has no effect.
    const greedy = `ulimit -v ${4 * memoryMib * 1024} && tail /dev/zero`
    const { code, output } = await stack.tryTo(
      'docker',
      ...['compose', 'run', '--rm', '--no-deps', '--no-TTY', '--entrypoint', 'sh', service, '-c', greedy],
    )
    assert.equal(code, 128 + 9, `${service}: ${output}`)
  }
  // While Redis rewrites its file it is two processes, and the second copies the pages that the first changes.
  const [, maxmemory] = (await stack.redisCli('--raw', 'CONFIG', 'GET', 'maxmemory')).trim().split('\n')
  const { memoryMib } = LIMITS.redis ?? { memoryMib: 0 }
  assert.ok(Number(maxmemory) > 0 && 1.5 * Number(maxmemory) <= memoryMib * MIB, `maxmemory ${maxmemory}`)
})

test('only nginx is published, on 127.0.0.1; Redis and the nodes are on internal networks', async () => {
  const names = [...THREE_NODES.map(containerOf), containerOf('nginx-1'), containerOf('redis-1')]
  const published = JSON.parse(await docker('inspect', ...names)).flatMap(
    ({ HostConfig }: { HostConfig: { PortBindings: Record<string, unknown> } }) =>
      Object.entries(HostConfig.PortBindings),
  )
  assert.deepEqual(published, [['8080/tcp', [{ HostIp: '127.0.0.1', HostPort: env.PORT }]]])
  for (const network of ['web', 'data']) {
    const [{ Internal: internal }] = JSON.parse(
      await docker('network', 'inspect', `${env.COMPOSE_PROJECT_NAME}_${network}`),
    )
    assert.equal(internal, true)
  }
})

test('no Redis password appears in docker inspect or in a process list', async () => {
  const passwords = await Promise.all(
    ['redis-app-password', 'redis-admin-password', 'redis-loader-password', 'session-seal-keys'].map((file) =>
      stack.run('cat', `.secrets/${file}`),
    ),
  )
  const names = [...THREE_NODES.map(containerOf), containerOf('redis-1')]
  const told = [
    await docker('inspect', ...names),
    ...(await Promise.all(names.map((name) => docker('top', name)))),
  ].join('\n')
  for (const password of passwords) {
    assert.ok(password.trim().length >= 32)
    assert.ok(!told.includes(password.trim()))
  }
})

test('the app’s Redis user may only send the commands that the app needs; unauthenticated clients may only send PING', async () => {
  assert.doesNotMatch(await stack.redisCli('ACL', 'LOG'), /^app$/m, 'Redis denied a command of the app')
  const withoutPassword = (...words: string[]) =>
    docker('exec', containerOf('redis-1'), 'redis-cli', ...words).then(String, String)
  assert.match(await withoutPassword('PING'), /PONG/)
  for (const words of [['GET', 'session:x'], ['INFO'], ['SET', 'x', 'y']])
    assert.match(await withoutPassword(...words), /NOPERM/)
  const password = (await stack.run('cat', '.secrets/redis-app-password')).trim()
  const asApp = (...words: string[]) =>
    docker('exec', '--env', `REDISCLI_AUTH=${password}`, containerOf('redis-1'), 'redis-cli', '--user', 'app', ...words)
  const [, library = '', suffix = ''] =
    /^(sessions(_[0-9a-f]{8}))$/m.exec(await stack.redisCli('--raw', 'FUNCTION', 'LIST')) ?? []
  assert.notEqual(library, '')
  for (const words of [
    ['KEYS', '*'],
    ['SCAN', '0'],
    ['FLUSHALL'],
    ['CONFIG', 'GET', '*'],
    ['MONITOR'],
    ['ACL', 'LIST'],
    ['SHUTDOWN', 'NOSAVE'],
    ['CLIENT', 'LIST'],
    ['SCRIPT', 'FLUSH'],
    ['PUBLISH', 'any', 'thing'],
    ['SUBSCRIBE', 'any'],
    ['XADD', 'other', '*', 'a', 'b'],
    ['XTRIM', 'events', 'MAXLEN', '0'],
    ['GET', 'other'],
    ['SADD', 'disabled-users', 'ada'],
    ['SREM', 'disabled-users', 'ada'],
    ['DEL', 'disabled-users'],
    ['SET', 'test-account:mallory', '{}'],
    ['DEL', 'test-account:mallory'],
    // An endless script would block Redis, so the app may neither run scripts nor load functions.
    ['EVAL', 'while true do end', '0'],
    ['EVAL_RO', 'while true do end', '0'],
    ['EVALSHA', 'a'.repeat(40), '0'],
    ['SCRIPT', 'LOAD', 'return 1'],
    ['FUNCTION', 'LOAD', 'REPLACE', "#!lua name=own\nredis.register_function('own', function() while true do end end)"],
    ['FUNCTION', 'DELETE', library],
    ['FUNCTION', 'FLUSH'],
    ['FUNCTION', 'LIST'],
    // The app must not learn the names of all keys that change.
    ['CLIENT', 'TRACKING', 'ON', 'BCAST'],
    // A function has only the permissions of its caller.
    ['FCALL', `set_if_unchanged${suffix}`, '1', 'disabled-users', '', 'x', '1'],
    ['FCALL', `append_and_publish${suffix}`, '1', 'other', '9', 'text', 'any'],
    ['FCALL', `append_and_publish${suffix}`, '1', 'events', '9', '{}', 'any'],
  ]) {
    assert.match(await asApp(...words), /NOPERM|ACL failure in script/, words.join(' '))
  }
  assert.match(await asApp('GET', 'session:x'), /^\s*$/)
  assert.match(await asApp('GET', 'test-account:mallory'), /^\s*$/)
  assert.match(await asApp('SISMEMBER', 'disabled-users', 'ada'), /^0$/m)
  // The app checks here that Redis does not evict keys.
  assert.match(await asApp('INFO', 'memory'), /^maxmemory_policy:noeviction\r?$/m)
})

test('nginx does not serve the probes and metrics of the nodes', async () => {
  for (const path of [
    '/metrics',
    '/livez',
    '/readyz?x',
    '//metrics',
    '/%6detrics',
    '/a/../metrics',
    '/control/metrics',
    '/control//readyz',
  ]) {
    const answer = await raw(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
    assert.match(answer, /^HTTP\/1\.1 404 /, path)
    assert.match(answer, /X-Served-By: nginx/, path)
  }
  assert.equal((await fetch(`${url}/METRICS`)).status, 404)
})

test('nginx’s own error responses are problem+json and name nginx', async () => {
  // The whole body is sent. Otherwise nginx would wait for the rest before it closes (lingering_timeout).
  const tooLong = `HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\nConnection: close\r\n\r\n${'x'.repeat(100_000)}`
  for (const [request, status] of [
    [`GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`, 414],
    [`GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'a'.repeat(20_000)}\r\nConnection: close\r\n\r\n`, 431],
    [`GET / HTTP/1.1\r\nHost: localhost\r\n${'X-A: b\r\n'.repeat(200)}Connection: close\r\n\r\n`, 431],
    ['GET / HTTP/1.1\r\nBad Header: x\r\nConnection: close\r\n\r\n', 400],
    [`POST /auth/login ${tooLong}`, 413],
    [`POST /api/events ${tooLong}`, 413],
    [`POST /control/x ${tooLong}`, 413],
    ['TRACE / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', 405],
  ] as const) {
    const answer = await raw(request)
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `))
    assert.match(answer, /Content-Type: application\/problem\+json/i)
    assert.match(answer, new RegExp(`"status":${status},"detail":"[^"]+"}`))
    assert.match(answer, /X-Served-By: nginx/)
    assert.match(answer, /^Referrer-Policy: no-referrer\r$/m)
  }
})

test('nginx forwards a header of 8 kB and a body of 4 kB, and rejects larger ones without waiting for their end', async () => {
  const end = 'Host: localhost\r\nConnection: close\r\n'
  for (const [request, answer] of [
    [
      `GET /api/user HTTP/1.1\r\n${end}Cookie: other=${'a'.repeat(7_800)}\r\n\r\n`,
      /^HTTP\/1\.1 401 .*X-Served-By: app-/s,
    ],
    [
      `POST /auth/login HTTP/1.1\r\n${end}Content-Length: 4096\r\n\r\n${'x'.repeat(4_096)}`,
      /^HTTP\/1\.1 415 .*X-Served-By: app-/s,
    ],
    // Neither request is complete. nginx responds anyway.
    [`GET /api/user HTTP/1.1\r\n${end}Cookie: other=${'a'.repeat(9_500)}`, /^HTTP\/1\.1 431 .*X-Served-By: nginx/s],
    [`POST /auth/login HTTP/1.1\r\n${end}Content-Length: 4097\r\n\r\n`, /^HTTP\/1\.1 413 .*X-Served-By: nginx/s],
  ] as const) {
    assert.match(await raw(request), answer)
  }
})

test('the health check of nginx uses the published port, fails while nginx does not respond there, and then passes again', async () => {
  const nginx = containerOf('nginx-1')
  const [{ Config: config, HostConfig: host }] = JSON.parse(await docker('inspect', nginx))
  const [, ...check] = config.Healthcheck.Test
  const ports = Object.keys(host.PortBindings).map((port) => port.replace('/tcp', ''))
  assert.ok(ports.some((port) => check.at(-1).includes(`:${port}/`)))
  const isHealthy = async () => (await command('docker', ['exec', nginx, ...check])).code === 0
  const signalWorkers = (signal: string) =>
    docker(
      ...['exec', nginx, 'sh', '-c'],
      `for p in /proc/[0-9]*; do if grep -q '^nginx: worker' $p/cmdline 2>/dev/null; then kill -${signal} \${p#/proc/}; fi; done`,
    )
  assert.ok(await isHealthy())
  await signalWorkers('STOP')
  try {
    assert.ok(!(await isHealthy()))
  } finally {
    await signalWorkers('CONT')
  }
  await until('nginx is healthy again', isHealthy)
})

test('make clean asks for confirmation, and without a terminal it deletes nothing', async () => {
  const { code, output } = await stack.tryToMake('clean')
  assert.notEqual(code, 0)
  assert.match(output, /deletes all sessions.*deploy\/clean --yes/)
  assert.equal((await stack.stranger().ask('/')).status, 200)
})

test('make sessions lists sessions with shortened tokens, and make session shows one session', async () => {
  const visitor = await stack.visitor(GRACE)
  const { body } = await visitor.whoAmI()
  const token = visitor.token()
  const sessions = await make('sessions')
  assert.match(
    sessions,
    new RegExp(`^grace +${body.session?.createdOn} +\\d+ +\\d+ +${token.slice(0, 6)}\\.\\.\\.$`, 'm'),
  )
  for (const one of secretsSeen) assert.ok(!sessions.includes(one))
  assert.match(await make('session', `TOKEN=${token}`), /"username":"grace"[\s\S]*TTL 3[56]\d\d s/)
})

test('stopping a node under load fails no request, and the node exits with status 0', async (t) => {
  const visitor = await stack.visitor()
  const load = startSteadyLoad(t, visitor)
  await until('every node serves', () => THREE_NODES.every((node) => load.answers.has(`200 ${node}`)))
  await docker('stop', containerOf('app-2'))
  assert.equal((await docker('inspect', '--format', '{{.State.ExitCode}}', containerOf('app-2'))).trim(), '0')
  await docker('start', containerOf('app-2'))
  const served = () => load.answers.get('200 app-2') ?? 0
  const before = served()
  await until('the node receives requests again', () => served() > before)
  await load.stop()
  assert.deepEqual(failures(load), [])
})

test('nginx that has just started serves its first request', async () => {
  for (let start = 0; start < 3; start++) {
    await docker('restart', containerOf('nginx-1'))
    const request = 'GET /api/user HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
    const first = await until('nginx answers', async () => {
      // A new nginx knows no node for about a millisecond. A pause between the tries would miss it.
      for (let tries = 0; tries < 1_000; tries++) {
        const answer = await raw(request).catch(() => '')
        if (answer !== '') return answer
      }
      return undefined
    })
    assert.match(first, /^HTTP\/1\.1 401 /)
  }
})

test('nginx that is stopped has logged every request that it answered', async () => {
  const paths = Array.from({ length: 20 }, (_, count) => `/api/before-the-stop-${count}`)
  for (const path of paths) assert.equal((await fetch(`${url}${path}`)).status, 404)
  await docker('restart', containerOf('nginx-1'))
  for (const path of paths) await stack.lineWith('nginx-1 ', `"path":"${path}"`)
  await until('nginx serves again', () => fetch(url).then(Boolean, () => false))
})

test('a node at its limit of event streams passes new ones to another node and serves all other requests', async () => {
  const accounts: Credentials[] = JSON.parse(await stack.run('deploy/test-accounts', 'create', 'crowd', '50'))
  const cookies: string[] = []
  for (const account of accounts) cookies.push((await stack.visitor(account)).cookie() ?? '')
  const crowd = fillWithStreams(`http://${containerOf('app-1')}:3000/api/events`, cookies)
  try {
    assert.equal(await crowd.answered, '{"200":1000}')
    assert.deepEqual(await nodesOfStreams(30), ['app-2', 'app-3'])
    await assertEveryNodeSays(200, await stack.visitor())
  } finally {
    crowd.end()
  }
})

test('a node that alone is disconnected from Redis passes event streams to another node', async () => {
  const visitor = await stack.visitor()
  const cookie = visitor.cookie() ?? ''
  const network = `${env.COMPOSE_PROJECT_NAME}_data`
  await docker('network', 'disconnect', network, containerOf('app-3'))
  try {
    await stack.lineWith('app-3 ', 'Redis connection lost')
    assert.deepEqual(await nodesOfStreams(30, cookie), ['app-1', 'app-2'])
  } finally {
    await docker('network', 'connect', network, containerOf('app-3'))
  }
  await untilEveryNodeAccepts(visitor)
})

test('nginx marks a response for which it has tried more than one node, and no other', async () => {
  const visitor = await stack.visitor()
  const failedOver = async () => (await visitor.whoAmI()).headers.get('X-Failed-Over')
  for (let sent = 0; sent < 6; sent++) assert.equal(await failedOver(), null)
  const network = `${env.COMPOSE_PROJECT_NAME}_data`
  await docker('network', 'disconnect', network, containerOf('app-3'))
  try {
    await until('a request fails over', async () => (await failedOver()) === 'yes')
  } finally {
    await docker('network', 'connect', network, containerOf('app-3'))
  }
  await assertEveryNodeSays(200, visitor)
})

test('an empty Redis that replaces the old one has the app’s functions before it is healthy', async () => {
  await docker('rm', '--force', '--volumes', containerOf('redis-1'))
  await docker('volume', 'rm', 'sessions-test_redis')
  await docker('compose', 'up', '--detach', '--wait', '--no-deps', 'redis')
  assert.match(await stack.redisCli('--raw', 'FUNCTION', 'LIST'), /^sessions_[0-9a-f]{8}$/m)
  const visitor = await until('a login is possible', async () => {
    const stranger = stack.stranger()
    return (await stranger.logIn()).status === 200 ? stranger : undefined
  })
  await untilEveryNodeAccepts(visitor)
  assert.equal((await visitor.logOut()).status, 204)
})

test('no log of any container, past or present, contains a token, a password or a query string of this run', async () => {
  for (const path of ['/metrics', '/api/user', '/nowhere']) await fetch(`${url}${path}?token=in-the-query`)
  await stack.lineWith('nginx-1 ', '"path":"/nowhere"')
  await stack.lineWith('app-', '"path":"/nowhere"')
  await stack.lineWith('Redis connected successfully')
  assert.ok([...secretsSeen].filter((secret) => secret.length === 43).length > 5)
  stack.assertNoSecretIsLogged()
  assert.ok(!stack.log().includes('in-the-query'))
})

test('no log line contains an escape code, a query or a client’s header, and nginx’s lines are JSON', async () => {
  // Each request makes nginx log an error: unknown node, no response, long body, chunked body, invalid bytes.
  const hidden = 'hidden-marker\x1b[31m\x9b31m'
  const headers = `Referer: http://${hidden}/\r\nUser-Agent: ${hidden}\r\nX-Forwarded-For: ${hidden}\r\nConnection: close\r\n`
  const good = `?${encodeURI('hidden-marker')} HTTP/1.1\r\nHost: localhost\r\n${headers}`
  const pieces = '1\r\nx\r\n'.repeat(4_000)
  for (const request of [
    `GET /control/x${good}\r\n`,
    `POST /auth/login${good}Content-Length: 17000\r\n\r\n${'x'.repeat(17_000)}`,
    `POST /auth/login${good}Transfer-Encoding: chunked\r\n\r\n${pieces}0\r\n\r\n`,
    `GET /\x9b31m\x1b[31m?${hidden} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`,
    `GET /x\x9b31m?${hidden} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`,
    `GET /?${hidden} HTTP/1.1\r\nHost: ${hidden}\r\n${headers}\r\n`,
    `GET /api/user${good}Bad header ${hidden}: x\r\n\r\n`,
    `GET /api/user${good}X-Long: ${'hidden-marker'.repeat(2_000)}\r\n\r\n`,
    `POST /api/user${good}Transfer-Encoding: chunked\r\n\r\nhidden-marker\r\n`,
  ]) {
    await raw(request).catch(() => '')
  }
  await docker('pause', ...THREE_NODES.map(containerOf))
  try {
    assert.match(await raw(`GET /api/user${good}\r\n`), /^HTTP\/1\.1 50[24] /)
  } finally {
    await docker('unpause', ...THREE_NODES.map(containerOf))
  }
  await raw(`GET /the-last${good}\r\n`)
  await stack.lineWith('nginx-1 ', '"path":"/the-last"')
  const lines = stack.log().split('\n')
  for (const line of lines) assert.doesNotMatch(line, /hidden-marker|\p{Cc}/u)
  const ofNginx = lines.filter((line) => /^nginx-1 +\| /.test(line)).map((line) => line.replace(/^nginx-1 +\| /, ''))
  // Lines about nginx's processes are not JSON: a worker that exited, a configured name without an address.
  const ofRequests = ofNginx.filter((line) => !/^\d{4}(\/\d\d){2} [\d:]+ \[\w+\] \d+#\d+: (?!\*\d)/.test(line))
  assert.ok(ofRequests.length > 10)
  for (const line of ofRequests) assert.equal(typeof JSON.parse(line).time, 'string', line)
})

/** Opens `count` streams through nginx, one after the other, and asserts that each opens. Returns the nodes that opened them. */
async function nodesOfStreams(count: number, cookie?: string): Promise<string[]> {
  const nodes = new Set<string>()
  for (let opened = 0; opened < count; opened++) {
    const headers = cookie === undefined ? {} : { Cookie: cookie }
    const abort = new AbortController()
    const answer = await fetch(`${url}/api/events`, { headers, signal: abort.signal })
    abort.abort()
    nodes.add(answer.headers.get('X-Served-By') ?? 'nobody')
    assert.equal(answer.status, 200, `stream ${opened} of ${[...nodes]}`)
  }
  return [...nodes].sort()
}

/** Runs in a container. Reads cookies from standard input and holds 20 streams for each until the input is closed. */
const FILL = `
  const { Agent, get } = require('node:http')
  const agent = new Agent({ maxSockets: Infinity })
  const answers = {}
  const open = (Cookie) => new Promise((resolve, reject) => {
    get(process.argv[1], { agent, headers: { Cookie } }, (response) => {
      answers[response.statusCode] = (answers[response.statusCode] ?? 0) + 1
      response.resume()
      resolve()
    }).on('error', reject)
  })
  process.stdin.once('data', async (cookies) => {
    for (const cookie of JSON.parse(cookies)) await Promise.all(Array.from({ length: 20 }, () => open(cookie)))
    console.log(JSON.stringify(answers))
  })
  process.stdin.once('end', () => process.exit())`

/** Opens 20 streams for each cookie, the limit of a user, from another node because this node's address is not published. */
function fillWithStreams(address: string, cookies: readonly string[]) {
  const words = ['exec', '--interactive', containerOf('app-2'), 'node', '-e', FILL, address]
  const child = spawn('docker', words, { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.write(JSON.stringify(cookies))
  return {
    /** The number of responses of each status, once all have arrived. */
    answered: once(child.stdout.setEncoding('utf8'), 'data').then(([piece]) => String(piece).trim()),
    end: () => child.stdin.end(),
  }
}
