import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { answers } from '../support/answers.ts'
import { TOP } from '../support/command.ts'
import { lastingPort } from '../support/lasting-port.ts'
import { until } from '../support/until.ts'

for (const mode of ['lb', 'cluster']) {
  for (const [signal, way] of [
    ['SIGHUP', 'on SIGHUP from a closed terminal'],
    ['SIGTERM', 'on SIGTERM'],
    ['SIGKILL', 'on SIGKILL'],
  ] as const) {
    test(`npm run ${mode} leaves no Redis, no node and no folder behind ${way}`, async (t) => {
      if (await answers(6379)) return t.skip('a Redis answers at the default address of this machine')
      const program = await startWithOwnRedis(t, mode)
      assert.equal((await readdir(program.folder)).length, 1)
      // A terminal signals the whole process group. The other signals go to the program alone.
      process.kill(signal === 'SIGHUP' ? -program.pid : program.pid, signal)
      assert.deepEqual(await program.ended, signal === 'SIGKILL' ? [null, 'SIGKILL'] : [0, null])
      await until('no node is running', () => !program.nodes.some(isAlive))
      await until('its Redis has exited', async () => !(await answers(program.redisPort)))
      await until('its folder is removed', async () => (await readdir(program.folder)).length === 0)
      // node:cluster ends its workers immediately. A separate node stops as after SIGTERM.
      if (mode === 'lb') assert.equal(program.output().match(/"node":"app-\d","msg":"Stopped"/g)?.length, 3)
      if (signal !== 'SIGKILL') assert.doesNotMatch(program.output(), /"level":"(error|fatal)"|Second signal/)
    })
  }
}

for (const mode of ['lb', 'cluster']) {
  test(`npm run ${mode} leaves no Redis, no node and no folder behind after its terminal is closed`, async (t) => {
    if (await answers(6379)) return t.skip('a Redis answers at the default address of this machine')
    if (spawnSync('script', ['-qec', 'true', '/dev/null'], { stdio: 'ignore' }).status !== 0)
      return t.skip('script of util-linux, which opens a terminal, is not installed')
    const program = await startWithOwnRedis(t, mode, ([command = '', ...args]) => [
      'script',
      '-qec',
      // Prints its process ID first, so the test can always end it.
      `echo pid=$$; exec ${[command, ...args].join(' ')}`,
      '/dev/null',
    ])
    // The terminal is now closed. Each line that the program logs from here on is a system error.
    process.kill(program.pid, 'SIGKILL')
    await until('the port is closed', async () => !(await answers(program.port)))
    await until('no node is running', () => !program.nodes.some(isAlive))
    await until('its Redis has exited', async () => !(await answers(program.redisPort)))
    await until('its folder is removed', async () => (await readdir(program.folder)).length === 0)
  })
}

test('an interrupted test leaves no Redis and no folder behind', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'left-over-test-'))
  t.after(() => rm(folder, { recursive: true }))
  const program = `
    const { startTestRedis } = await import('${TOP}/test/dist/support/redis-server.js')
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
  await until('its Redis has exited', async () => !(await answers(Number(new URL(String(url).trim()).port))))
  assert.deepEqual(await readdir(folder), [])
})

/** The program's temporary folders are inside a folder of this test. */
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
    // Cleanup for a failed test.
    for (const one of [pid, ...found(/^pid=(\d+)/gm), ...nodes()].filter(isAlive)) process.kill(one, 'SIGKILL')
  })
  await until(`${mode} is running`, () => /"msg":"(Balancer|Cluster) is ready"/.test(output))
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
