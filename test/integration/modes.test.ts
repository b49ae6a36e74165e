import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { after, before, describe, type TestContext, test } from 'node:test'
import { judge, unproved, unprovedLogout } from 'loadtest/lib/judge'
import { answers } from '../support/answers.ts'
import { succeed, TOP } from '../support/command.ts'
import { endWithTest } from '../support/end-with-test.ts'
import { listenTo, telling } from '../support/event-client.ts'
import { exchange } from '../support/exchange.ts'
import { lastingPort } from '../support/lasting-port.ts'
import { prove } from '../support/proof.ts'
import { failures, startSteadyLoad } from '../support/steady-load.ts'
import { startStopwatch, within } from '../support/stopwatch.ts'
import { until } from '../support/until.ts'
import { createVisitor, secretsSeen } from '../support/visitor.ts'

const THREE = ['app-1', 'app-2', 'app-3']

let redisUrl: string
let redis: ChildProcess
let isStopped: () => void

before(async () => {
  const port = await lastingPort()
  redisUrl = `redis://127.0.0.1:${port}`
  redis = spawn(
    process.env.REDIS_SERVER ?? 'redis-server',
    ['--port', `${port}`, '--save', '', '--bind', '127.0.0.1'],
    // Not in the project folder, where a file could be left behind.
    { stdio: 'ignore', cwd: tmpdir() },
  )
  isStopped = endWithTest(() => redis.kill('SIGKILL'))
  await until('Redis answers', () => answers(port))
})
after(async () => {
  redis.kill('SIGTERM')
  await once(redis, 'exit')
  isStopped()
})

for (const [mode, nodes, ready] of [
  ['single', ['app-1'], '"msg":"Listening"'],
  ['cluster', THREE, '"msg":"Cluster is ready"'],
  ['lb', THREE, '"msg":"Balancer is ready"'],
] as const) {
  test(`npm run ${mode}: every node accepts every session, rejects it after logout, and stops cleanly`, async (t) => {
    const stack = await startMode(t, mode, ready, { NODE_NAME: mode === 'single' ? 'app-1' : '' }, [])
    const proof = await prove({ url: stack.url, nodes, minPerCell: 3 })
    assert.equal(proof.matrix.length, nodes.length ** 2)
    // A single node passes the checks, but proves nothing about other nodes.
    const missing = nodes.length > 1 ? [] : ['1 node only: nothing crossed from one node to another']
    assert.deepEqual(judge(proof), missing)
    await stack.stop()
  })
}

test('the control: with sessions in each node’s memory, the same proof fails for all nodes but the creating one', async (t) => {
  const stack = await startMode(t, 'lb', '"msg":"Balancer is ready"', { SESSION_STORE: 'memory' })
  const { matrix, logout } = await prove({ url: stack.url, nodes: THREE, minPerCell: 3 })
  assert.equal(unproved(matrix, 3).length, 6)
  for (const { createdOn, servedBy, honoured, rejected } of matrix) {
    if (createdOn === servedBy) assert.ok(honoured >= 3 && rejected === 0)
    else assert.ok(honoured === 0 && rejected >= 3)
  }
  assert.notDeepEqual(unprovedLogout(logout, 3), [])
  await stack.stop()
})

test('make prove reports what it has seen, and exits with status 1 if the proof fails or no server responds', async (t) => {
  const good = await startMode(t, 'lb', '"msg":"Balancer is ready"')
  const proof = await succeed('make', ['prove', `URL=${good.url}`])
  assert.match(proof, /app-3 +5 ok +5 ok +5 ok[\s\S]*Honoured by the other nodes: 30 of 30[\s\S]*\nPROVED\n/)
  await good.stop()

  const bad = await startMode(t, 'lb', '"msg":"Balancer is ready"', { SESSION_STORE: 'memory' })
  await assert.rejects(
    succeed('make', ['prove', `URL=${bad.url}`]),
    /NOT PROVED[\s\S]*created on app-1, served by app-2: rejected/,
  )
  await bad.stop()

  await assert.rejects(succeed('make', ['prove', `URL=${good.url}`]), /Nothing was proved/)
})

test('a killed worker of the cluster is replaced under the same name', async (t) => {
  const stack = await startMode(t, 'cluster', '"msg":"Cluster is ready"')
  // A connection that node:cluster was passing to the killed worker stays open without a reader: docs/decisions.md.
  await killOneNodeUnderLoad(t, stack, { patienceMs: 2_000 })
  await stack.stop({ despiteErrors: true })
})

test('a killed node behind the local balancer is replaced under the same name, and no request fails', async (t) => {
  const stack = await startMode(t, 'lb', '"msg":"Balancer is ready"')
  const load = await killOneNodeUnderLoad(t, stack, { patienceMs: 5_000 })
  assert.deepEqual(failures(load), [])
  await stack.stop({ despiteErrors: true })
})

test('the local balancer does not serve probes and metrics, in any spelling of their paths', async (t) => {
  const stack = await startMode(t, 'lb', '"msg":"Balancer is ready"')
  for (const target of [
    '/metrics',
    '/livez',
    '/readyz?x',
    '/a/../metrics',
    '/METRICS',
    '//metrics',
    'http://localhost/metrics',
  ]) {
    assert.match(await requestLine(stack.url, target), /^HTTP\/1\.1 404 /, target)
  }
  assert.match(await requestLine(stack.url, '/'), /^HTTP\/1\.1 200 /)
  await stack.stop()
})

// These tests mostly wait, each with its own stack.
describe('after an idle time', { concurrency: true }, () => {
  for (const [mode, ready] of [
    ['lb', '"msg":"Balancer is ready"'],
    ['cluster', '"msg":"Cluster is ready"'],
  ] as const) {
    test(`npm run ${mode}: an event stream works after an idle time, closes with its page, and does not delay the stop`, async (t) => {
      const stack = await startMode(t, mode, ready)
      const visitor = createVisitor(stack.url)
      await visitor.logIn()
      const cookie = visitor.cookie() ?? ''
      const [staying, leaving] = [await listenTo(stack.url, { cookie }), await listenTo(stack.url, { cookie })]
      await leaving.message(({ name }) => name === 'hello')
      leaving.close()
      await until('the node has closed the stream', () => /"path":"\/api\/events".*"aborted":true/.test(stack.output()))

      const openedAt = performance.now()
      // Longer than the balancer waits for any other response.
      await until('the stream has been idle for six seconds', () => performance.now() - openedAt > 6_000)
      await createVisitor(stack.url).logIn()
      await staying.message(telling('login', { isReplayed: false }))

      await within(4_000, `stopping ${mode} with an open stream`, () => stack.stop())
      assert.equal(await staying.ended, 'properly')
      assert.ok(staying.types().includes('node_draining'))
    })
  }
})

test('without REDIS_URL and without a Redis at the default address, lb starts its own Redis and stops it at exit', async (t) => {
  if (await answers(6379)) return t.skip('a Redis answers at the default address of this machine')
  const stack = await startMode(t, 'lb', '"msg":"Balancer is ready"', { REDIS_URL: '' })
  const port = Number(
    /"redis":"redis:\/\/127\.0\.0\.1:(\d+)","msg":"Started a (?:redis|valkey)-server for this run/.exec(
      stack.output(),
    )?.[1],
  )
  assert.ok(await answers(port))
  const { matrix } = await prove({ url: stack.url, nodes: THREE, minPerCell: 1 })
  assert.deepEqual(unproved(matrix, 1), [])
  await stack.stop()
  assert.equal(await answers(port), false)
})

test('without any Redis, every mode prints the cause and a remedy and exits with status 1', async (t) => {
  if (await answers(6379)) return t.skip('a Redis answers at the default address of this machine')
  for (const program of ['server', 'server-cluster', 'server-lb']) {
    // An empty PATH, so there is no redis-server to start.
    const child = spawn(process.execPath, [`dist/src/${program}.js`], {
      cwd: `${TOP}/app`,
      env: { PATH: '/nonexistent', PORT: '0' },
    })
    let output = ''
    child.stdout.on('data', (piece) => {
      output += piece
    })
    const [code] = await once(child, 'close')
    assert.equal(code, 1)
    assert.match(output, /Failed to connect to Redis.*REDIS_URL=/)
  }
})

interface Mode {
  url: string
  output(): string
  /** Stops it with SIGTERM. Fails by default if it has logged an error. */
  stop(options?: { despiteErrors: boolean }): Promise<void>
}

/** By default without the script that compiles the application first, because it is compiled. */
async function startMode(
  t: TestContext,
  mode: string,
  ready: string,
  env: Record<string, string> = {},
  options: readonly string[] = ['--ignore-scripts'],
): Promise<Mode> {
  const port = await lastingPort()
  const child = spawn('npm', ['run', '--silent', ...options, mode], {
    cwd: `${TOP}/app`,
    env: { ...process.env, PORT: `${port}`, REDIS_URL: redisUrl, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // Its own process group, so the test can always end all of its processes.
    detached: true,
  })
  const kill = () => {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL')
    } catch {
      // The process has already exited.
    }
  }
  const isOver = endWithTest(kill)
  t.after(() => {
    kill()
    isOver()
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece) => {
      output += piece
    })
  }
  const ended = once(child, 'exit')
  await until(`${mode} is running`, () => {
    if (child.exitCode !== null) throw new Error(`${mode} exited with status ${child.exitCode}:\n${output}`)
    return output.includes(ready)
  })
  return {
    url: `http://127.0.0.1:${port}`,
    output: () => output,
    async stop({ despiteErrors } = { despiteErrors: false }) {
      const sinceSignal = startStopwatch()
      child.kill('SIGTERM')
      await ended
      // npm may exit before its program, so wait until the port is closed and the last line is logged.
      await until(`${mode} has stopped`, async () => !(await answers(port)) && output.includes('"msg":"Stopped"'))
      sinceSignal.assertWithin(10_000, `stopping ${mode}`)
      for (const secret of secretsSeen) assert.ok(!output.includes(secret), 'a log contains a token or a password')
      assert.doesNotMatch(output, despiteErrors ? /Second signal/ : /"level":"(error|fatal)"|Second signal/)
    },
  }
}

async function killOneNodeUnderLoad(t: TestContext, stack: Mode, given: { patienceMs: number }) {
  const visitor = createVisitor(stack.url)
  assert.equal((await visitor.logIn()).status, 200)
  const cookie = visitor.cookie() ?? ''
  const load = startSteadyLoad(t, createVisitor(stack.url, { ...given, cookie }))
  const [, name, pid] = /"started":"(app-\d)","pid":(\d+)/.exec(stack.output()) ?? []
  process.kill(Number(pid), 'SIGKILL')
  await until('the exit of the node is logged', () => stack.output().includes(`"ended":"${name}"`))
  const startsOf = () => stack.output().match(new RegExp(`"node":"${name}".*"msg":"Listening"`, 'g'))?.length
  await until('a node with that name has started', () => startsOf() === 2)
  const before = load.answers.get(`200 ${name}`) ?? 0
  await until('the node responds again', () => (load.answers.get(`200 ${name}`) ?? 0) > before)
  await load.stop()
  return load
}

/** Returns the response to a GET with exactly this target, which fetch would normalize. */
const requestLine = (url: string, target: string) =>
  exchange(Number(new URL(url).port), `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
