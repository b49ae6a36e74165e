import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, type TestContext, test } from 'node:test'
import { FAULTS, SOAK_FAULTS } from '../faults/all.ts'
import { controls } from '../faults/controls.ts'
import { tryOut } from '../faults/drill.ts'
import type { Outcome } from '../faults/fault.ts'
import type { FaultReport } from '../faults/report.ts'
import { openStack } from '../faults/stack.ts'
import { command, succeed, TOP } from '../lib/command.ts'
import { createComposeStack } from '../lib/compose-stack.ts'
import { GRACE } from '../lib/visitor.ts'

const { K6 = '' } = process.env
const stack = createComposeStack('sessions-test-faults', { SESSION_RENEW_SECONDS: '1' })

before(async () => {
  await stack.choosePorts()
  // What breaks a stack finds it by its environment, as make does. k6 comes in with make soak; once is enough.
  Object.assign(process.env, stack.env, { HAVE_K6: '', K6: '' })
  await stack.up()
  process.env.TEST_ACCOUNTS = await succeed('deploy/test-accounts', ['create', 'faults', '6'])
})
after(async () => {
  try {
    await succeed('deploy/test-accounts', ['remove'])
  } finally {
    await stack.down()
  }
})

/** A script of its own makes accounts of its own. */
const WITHOUT_ACCOUNTS = { TEST_ACCOUNTS: '' }

/** A bound that this machine is too slow to judge by is neither kept nor missed. A loss is one in any case. */
function assertSurvived(t: TestContext, outcomes: readonly Outcome[]): void {
  assert.deepEqual(
    outcomes.map(({ name, lost, missed }) => ({ name, lost, missed })),
    outcomes.map(({ name }) => ({ name, lost: 0, missed: [] })),
  )
  for (const { name, answers } of outcomes) assert.ok((answers['200'] ?? 0) > 20, `${name}: there was load`)
  const tooSlow = outcomes.flatMap((outcome) => outcome.tooSlow.map((reason) => `${outcome.name}: ${reason}`))
  if (tooSlow.length > 0) t.skip(`This machine is too slow to judge: ${tooSlow.join('; ')}`)
}

const report = async (name: FaultReport['name']): Promise<FaultReport> =>
  JSON.parse(await readFile(`${TOP}/loadtest/report/${name}.json`, 'utf8'))

test('make chaos FAULT=full-disk breaks the stack that is up, prints what users saw, and leaves a report', async (t) => {
  const before = await stack.redisCli('--raw', 'DBSIZE')
  const { code, output } = await command('test/chaos', ['full-disk'], { ...stack.env, ...WITHOUT_ACCOUNTS })
  assert.match(output, /users saw +slowest +lost +recovered +bound +verdict/)
  assert.match(output, /The disk of Redis is full +200 ×\d{2}.*503 ×\d/)
  const { outcomes } = await report('chaos')
  assert.deepEqual(
    outcomes.map(({ name }) => name),
    ['full-disk'],
  )
  const page = await readFile(`${TOP}/loadtest/report/chaos.html`, 'utf8')
  assert.doesNotMatch(page, /(src|href)=|@import|url\(/, 'the page loads something')
  assert.match(page, /The disk of Redis is full/)
  assert.equal(await stack.redisCli('--raw', 'DBSIZE'), before, 'its accounts and their sessions are gone')
  assertSurvived(t, outcomes)
  const isTooSlow = outcomes.some(({ tooSlow }) => tooSlow.length > 0)
  assert.equal(code, isTooSlow ? 3 : 0, output)
  assert.match(output, isTooSlow ? /TOO SLOW TO JUDGE/ : / survived\n[\s\S]*\nPROVED/)
})

test('make chaos with a fault that there is not names those that there are, and fails', async () => {
  const { code, output } = await stack.tryToMake('chaos', 'FAULT=flood')
  assert.notEqual(code, 0)
  for (const { name } of FAULTS) assert.ok(output.includes(name), name)
})

test('make soak: fault after fault nothing is lost, every bound is kept, and in the end all is as it was', async (t) => {
  // As many as an account may have (SESSION_MAX): one login more, and one of them is evicted.
  const others = await Promise.all(Array.from({ length: 10 }, () => stack.visitor(GRACE)))
  const { code, output } = await command('test/chaos', ['soak'], {
    ...stack.env,
    ...WITHOUT_ACCOUNTS,
    K6,
    SOAK_SECONDS: '1',
    FAULT_EVERY_SECONDS: '1',
  })
  const { outcomes, balance } = await report('soak')
  assert.deepEqual(
    outcomes.map(({ name }) => name),
    SOAK_FAULTS.map(({ name }) => name),
  )
  assert.equal(balance.length, 5)
  assert.ok(
    balance.every(({ isLevel }) => isLevel),
    output,
  )
  const statuses = await Promise.all(others.map(async (other) => (await other.whoAmI()).status))
  assert.deepEqual([...new Set(statuses)], [200], 'the drill has ended no session of another user')
  await Promise.all(others.map((other) => other.logOut()))
  assert.ok(outcomes.every(({ byStack }) => Object.keys(byStack).length === 0))
  assertSurvived(t, outcomes)
  assert.equal(code, outcomes.some(({ tooSlow }) => tooSlow.length > 0) ? 3 : 0, output)
})

for (const fault of FAULTS.filter((one) => !SOAK_FAULTS.includes(one) && one.name !== 'full-disk'))
  test(`${fault.title}: no session is lost, and every bound is kept`, async (t) => {
    assertSurvived(t, [await tryOut(openStack(stack.url()), fault)])
  })

for (const { title, fault, finds } of controls)
  test(`${title}: then this is noticed: ${fault.title}`, async () => {
    const { missed, tooSlow } = await tryOut(openStack(stack.url()), fault)
    assert.ok(
      [...missed, ...tooSlow].some((reason) => finds.test(reason)),
      `it found ${missed.join('; ') || 'nothing'}`,
    )
  })

test('no token and no password of all this is in any log, of any container that there was, but what people look for', async () => {
  for (const line of ['Redis connected successfully', 'Failed to connect to Redis']) await stack.lineWith(line)
  // Also of a node that is gone again by now.
  await stack.lineWith('app-5 ', '"msg":"Stopped"')
  stack.assertNoSecretIsLogged()
})
