import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { canIsolate } from '../runner/isolation.ts'
import { command, TOP } from '../support/command.ts'
import { until } from '../support/until.ts'

/** Compiled test files by their names, as test/run runs them. */
const GOOD =
  "import { test } from 'node:test'\ntest('one is one', () => {})\ntest('left out', { skip: 'a reason' }, () => {})"

/** A folder of tests with these files (in integration/, unless the name has a folder), and the output of the runner for them. */
async function runnerOf(t: TestContext, files: Record<string, string>) {
  const folder = await mkdtemp(join(tmpdir(), 'runner-test-'))
  t.after(() => rm(folder, { recursive: true }))
  const tests = join(folder, 'tests')
  const temporary = join(folder, 'tmp')
  for (const one of ['integration', 'browser']) await mkdir(join(tests, one), { recursive: true })
  await mkdir(temporary)
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  for (const [name, text] of Object.entries(files)) {
    const path = name.includes('/') ? name : `integration/${name}`
    await writeFile(join(tests, `${path}.test.js`), text)
  }
  const words = [`${TOP}/test/dist/runner/main.js`, 'test', '--no-checks', `--tests=${tests}`]
  return {
    temporary,
    words,
    async run(...more: string[]) {
      const { code, output } = await command(process.execPath, [...words, ...more], { TMPDIR: temporary })
      return { code, output, totals: output.trimEnd().split('\n').at(-1) }
    },
  }
}

test('the runner succeeds if every test passes, names skipped tests, and ends with the totals', async (t) => {
  const runner = await runnerOf(t, { good: GOOD, other: GOOD })
  const { code, output, totals } = await runner.run()
  // No leftovers is one more.
  assert.equal(totals, '3 passed, 0 failed, 2 skipped', output)
  assert.equal(code, 0)
  assert.match(output, /^pass {2}integration\/good +\d+\.\d s {2}2 tests, 1 skipped$/m)
  assert.match(output, /^skip: integration\/good: left out \(a reason\)$/m)
  assert.doesNotMatch(output, /one is one/)
  assert.match((await runner.run('--verbose')).output, /passed: integration\/good: one is one/)
})

for (const [what, text, says] of [
  ['a test fails', "import { test } from 'node:test'\ntest('two', () => { throw new Error('not two') })", /not two/],
  [
    'its process crashes',
    "import { test } from 'node:test'\ntest('two', () => new Promise(() => setTimeout(() => process.exit(7), 500)))",
    /two[\s\S]*status 7/,
  ],
  ['it cannot be loaded', "import './nothing.js'", /the whole file[\s\S]*nothing\.js/],
  ['it has no test', '', /it ran no test/],
  ['it exits before its tests', "import { test } from 'node:test'\nprocess.exit(0)", /it ran no test/],
  [
    'it hangs',
    "import { test } from 'node:test'\ntest('two', () => new Promise((end) => setTimeout(end, 1e6)))",
    /timed out/,
  ],
  [
    'it does not end',
    "import { test } from 'node:test'\nsetInterval(() => {}, 1e6)\ntest('two', () => {})",
    /timed out/,
  ],
  [
    'a hook fails',
    "import { after, test } from 'node:test'\nafter(() => { throw new Error('no end') })\ntest('two', () => {})",
    /no end/,
  ],
  [
    'a subtest fails',
    "import { test } from 'node:test'\ntest('two', (t) => t.test('three', () => { throw new Error('not three') }))",
    /three[\s\S]*not three/,
  ],
] as const) {
  test(`the runner fails and prints the reason if ${what}`, async (t) => {
    const runner = await runnerOf(t, { good: GOOD, bad: text })
    const { code, output, totals } = await runner.run(
      ...(/hangs|does not end/.test(what) ? ['--timeout=5', '--only=bad'] : []),
    )
    assert.equal(code, 1, output)
    assert.match(totals ?? '', /^[123] passed, [12] failed, [01] skipped$/)
    assert.match(output, /^FAIL {2}integration\/bad /m)
    assert.match(output.slice(output.indexOf('FAIL: integration/bad: ')), says)
  })
}

test('the runner fails if tests leave a file or a process behind', async (t) => {
  const file =
    "import { mkdtempSync } from 'node:fs'\nimport { tmpdir } from 'node:os'\nmkdtempSync(tmpdir() + '/left-')\n"
  const process =
    "import { spawn } from 'node:child_process'\nspawn('sleep', ['20'], { stdio: 'ignore', detached: true }).unref()\n"
  for (const [text, left] of [
    [file, /no leftovers[\s\S]*file \S+left-/],
    [process, /no leftovers[\s\S]*process \d+ sleep 20/],
  ] as const) {
    const runner = await runnerOf(t, { good: text + GOOD })
    const { output, totals } = await runner.run()
    assert.equal(totals, '1 passed, 1 failed, 1 skipped', output)
    assert.match(output, left)
  }
})

test('ONLY runs the tests with that text in their title or file name, and fails if there is none', async (t) => {
  const runner = await runnerOf(t, { good: GOOD, other: GOOD.replace('one is one', 'ONE AND ONE') })
  assert.equal((await runner.run('--only=one and')).totals, '2 passed, 0 failed, 0 skipped')
  assert.equal((await runner.run('--only=other')).totals, '2 passed, 0 failed, 1 skipped')
  assert.equal((await runner.run('--only=one')).totals, '3 passed, 0 failed, 0 skipped')
  const { code, output, totals } = await runner.run('--only=nowhere')
  assert.equal(code, 1)
  assert.match(output, /no file and no test has "nowhere" in its name/)
  assert.equal(totals, '1 passed, 1 failed, 0 skipped')
})

test('a stopped runner ends everything that it has started', async (t) => {
  const time = `600.${process.pid}`
  const runner = await runnerOf(t, {
    slow: `import { spawn } from 'node:child_process'
      import { test } from 'node:test'
      test('waits', async () => {
        for (const detached of [false, true]) console.error('pid', spawn('sleep', ['${time}'], { stdio: 'ignore', detached }).pid)
        await new Promise((end) => setTimeout(end, 600_000))
      })`,
  })
  const child = spawn(process.execPath, [...runner.words, '--verbose'], {
    env: { ...process.env, TMPDIR: runner.temporary },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const processes = () => command('pgrep', ['-f', `^sleep ${time}$`]).then(({ output }) => output.trim().split('\n'))
  await until('both programs run', async () => (await processes()).length === 2)
  child.kill('SIGINT')
  assert.deepEqual(await ended, [130, null])
  assert.deepEqual(await processes(), [''])
  assert.deepEqual(await readdir(runner.temporary), [])
})

test('a file with a browser runs in a network of its own, which containers do not change', async (t) => {
  if (!(await canIsolate())) return t.skip('this system allows no network namespace')
  const shows = `import { test } from 'node:test'
    import { readlinkSync } from 'node:fs'
    import { networkInterfaces } from 'node:os'
    test('it', () => { throw new Error(readlinkSync('/proc/self/ns/net') + Object.keys(networkInterfaces())) })`
  const runner = await runnerOf(t, { 'browser/page': shows })
  const { output } = await runner.run()
  assert.match(output, /net:\[\d+\]lo$/m, 'its only interface is the loopback')
  const own = await readlink('/proc/self/ns/net')
  assert.ok(!output.includes(own))
})
