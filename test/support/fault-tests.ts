import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import type { Control } from '../faults/controls.ts'
import { tryOut } from '../faults/drill.ts'
import type { Fault, Outcome } from '../faults/fault.ts'
import type { RedisKind } from '../faults/servers.ts'
import { openStack } from '../faults/stack.ts'
import { succeed } from './command.ts'
import { createComposeStack } from './compose-stack.ts'

/**
 * A stack to break, with its own test accounts. k6 runs only if a test requests it. `kind` is its Redis: make up REDIS=...
 */
export function createFaultStack(project: string, kind: RedisKind = 'single') {
  const stack = createComposeStack(project, { SESSION_RENEW_SECONDS: '1', ...settingsOf(kind) })
  before(async () => {
    await stack.choosePorts()
    // Of a range of its own: deploy/environment.sh
    if (kind !== 'single') stack.env.REDIS_NETWORK = `198.19.${process.pid % 256}`
    // The faults find the stack by environment variables, like make.
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
  return stack
}

const settingsOf = (kind: RedisKind): Record<string, string> =>
  kind === 'single'
    ? {}
    : { REDIS: kind, COMPOSE_FILE: `docker-compose.yml:deploy/compose.${kind}.yml`, COMPOSE_PATH_SEPARATOR: ':' }

export type FaultStack = ReturnType<typeof createFaultStack>

/** Skips the test if this machine is too slow to judge a limit. A loss is always a failure. */
export function assertSurvived(t: TestContext, outcomes: readonly Outcome[]): void {
  assert.deepEqual(
    outcomes.map(({ name, lost, missed }) => ({ name, lost, missed })),
    outcomes.map(({ name }) => ({ name, lost: 0, missed: [] })),
  )
  for (const { name, answers } of outcomes)
    assert.ok((answers['200'] ?? 0) > 20, `${name}: the load had too few successful requests`)
  const tooSlow = outcomes.flatMap((outcome) => outcome.tooSlow.map((reason) => `${outcome.name}: ${reason}`))
  if (tooSlow.length > 0) t.skip(`This machine is too slow to judge: ${tooSlow.join('; ')}`)
}

/** One test for each fault. Faults in `seen` have already run. */
export function testFaults(stack: FaultStack, faults: readonly Fault[], seen: readonly Outcome[] = []): void {
  for (const fault of faults)
    test(`${fault.name}: ${fault.title}: no session is lost, and every limit holds`, async (t) => {
      const outcome = seen.find(({ name }) => name === fault.name) ?? (await tryOut(openStack(stack.url()), fault))
      assertSurvived(t, [outcome])
    })
}

/** A busy machine delays a failover: this judges what is lost, and a recovery at all. `make chaos` judges the times. */
export const atAnySpeed = (fault: Fault): Fault => ({ ...fault, slowestMs: 10_000, recoverMs: 60_000 })

/** One test for each control: the drill must find what its broken stack does. */
export function testControls(stack: FaultStack, controls: readonly Control[]): void {
  for (const { title, fault, finds } of controls)
    test(`control: ${title} is noticed by the fault: ${fault.title}`, async () => {
      const { missed, tooSlow } = await tryOut(openStack(stack.url()), fault)
      assert.ok(
        [...missed, ...tooSlow].some((reason) => finds.test(reason)),
        `findings: ${missed.join('; ') || 'none'}`,
      )
    })
}

const CONNECTED = ['Redis connected successfully']
/** What the nodes log when Redis was away. */
export const LOST_AND_FOUND = [CONNECTED, ['Failed to connect to Redis']]

/** Tests that the logs contain a line with the pieces of each of `lines`, and no token or password. */
export function testLogs(stack: FaultStack, lines: string[][] = [CONNECTED]): void {
  test('the logs of all containers, past and present, contain the documented lines and no token or password', async () => {
    for (const pieces of lines) await stack.lineWith(...pieces)
    stack.assertNoSecretIsLogged()
  })
}
