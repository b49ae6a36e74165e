import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { lastingPort } from '../../app/test/lib/lasting-port.ts'
import { until } from '../../app/test/lib/until.ts'
import { answers } from '../lib/answers.ts'
import { TOP } from '../lib/command.ts'

for (const mode of ['lb', 'cluster']) {
  for (const [signal, way] of [
    ['SIGHUP', 'when its terminal says that it is closed'],
    ['SIGTERM', 'when it is stopped'],
    ['SIGKILL', 'when it is killed'],
  ] as const) {
    test(`npm run ${mode} leaves no Redis, no node and no folder behind ${way}`, async (t) => {
      if (await answers(6379)) return t.skip('a Redis answers at the default address of this machine')
      const program = await startWithOwnRedis(t, mode)
      assert.equal((await readdir(program.folder)).length, 1)
      // A terminal sends its signal to the whole group, a killer to the program alone.
      process.kill(signal === 'SIGHUP' ? -program.pid : program.pid, signal)
      assert.deepEqual(await program.ended, signal === 'SIGKILL' ? [null, 'SIGKILL'] : [0, null])
      await until('no node is left', () => !program.nodes.some(isAlive))
      await until('its Redis has ended', async () => !(await answers(program.redisPort)))
      await until('its folder is removed', async () => (await readdir(program.folder)).length === 0)
      // node:cluster ends its workers at once; a node of its own stops as after SIGTERM.
      if (mode === 'lb') assert.equal(program.output().match(/"node":"app-\d","msg":"Stopped"/g)?.length, 3)
      if (signal !== 'SIGKILL') assert.doesNotMatch(program.output(), /"level":"(error|fatal)"|Second signal/)
    })
  }
}

for (const mode of ['lb', 'cluster']) {
  test(`npm run ${mode} leaves no Redis, no node and no folder behind in a terminal that is closed`, async (t) => {
    if (await answers(6379)) return t.skip('a Redis answers at the default address of this machine')
    if (spawnSync('script', ['-qec', 'true', '/dev/null'], { stdio: 'ignore' }).status !== 0)
      return t.skip('no script of util-linux, which would open a terminal')
    const program = await startWithOwnRedis(t, mode, ([command = '', ...args]) => [
      'script',
      '-qec',
      // With its process ID first, so that the test can end it whatever happens.
      `echo pid=$$; exec ${[command, ...args].join(' ')}`,
      '/dev/null',
    ])
    // That was the terminal. From here on, every line that the program logs is an error of the system.
    process.kill(program.pid, 'SIGKILL')
    await until('nothing answers any more', async () => !(await answers(program.port)))
    await until('no node is left', () => !program.nodes.some(isAlive))
    await until('its Redis has ended', async () => !(await answers(program.redisPort)))
    await until('its folder is removed', async () => (await readdir(program.folder)).length === 0)
  })
}

test('a test that is ended in the middle leaves no Redis and no folder behind', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'left-over-test-'))
  t.after(() => rm(folder, { recursive: true }))
  const program = `
    const { startTestRedis } = await import('${TOP}/app/dist/test/lib/redis-server.js')
    console.log((await startTestRedis()).url)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const [url] = await once(child.stdout, 'data')
  assert.equal((await readdir(folder)).length, 1)
  child.kill('SIGTERM')
  await ended
  await until('its Redis has ended', async () => !(await answers(Number(new URL(String(url).trim()).port))))
  assert.deepEqual(await readdir(folder), [])
})

/** Its temporary folders are in one of the test's own. */
async function startWithOwnRedis(t: TestContext, mode: string, inside = (words: string[]) => words) {
  const port = await lastingPort()
  const folder = await mkdtemp(join(tmpdir(), 'left-over-test-'))
  t.after(() => rm(folder, { recursive: true }))
  const [command = '', ...args] = inside([process.execPath, `dist/src/server-${mode}.js`])
  const child = spawn(command, args, {
    cwd: `${TOP}/app`,
    env: { ...process.env, PORT: `${port}`, REDIS_URL: '', TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  const pid = child.pid ?? 0
  const ended = once(child, 'exit')
  let output = ''
  child.stdout.on('data', (piece) => {
    output += piece
  })
  const found = (pattern: RegExp) => [...output.matchAll(pattern)].map(([, number]) => Number(number))
  const nodes = () => found(/"started":"app-\d","pid":(\d+)/g)
  t.after(() => {
    // Where the test has failed: nothing of it outlives the test.
    for (const one of [pid, ...found(/^pid=(\d+)/gm), ...nodes()].filter(isAlive)) process.kill(one, 'SIGKILL')
  })
  await until(`${mode} is up`, () => /"msg":"(Balancer|Cluster) is ready"/.test(output))
  const [redisPort = 0] = found(/"redis":"redis:\/\/127\.0\.0\.1:(\d+)","msg":"Started a/g)
  assert.ok(await answers(redisPort))
  return { pid, ended, port, folder, redisPort, nodes: nodes(), output: () => output }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
