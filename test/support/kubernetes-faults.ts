import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { tryOut } from '../faults/drill.ts'
import type { Fault } from '../faults/fault.ts'
import { openStack } from '../faults/kubernetes/stack.ts'
import type { RedisKind } from '../faults/servers.ts'
import { succeed } from './command.ts'
import { assertSurvived } from './fault-tests.ts'
import { createKubernetesStack, NO_CLUSTER } from './kubernetes-stack.ts'

type KubernetesFault = Fault<ReturnType<typeof openStack>>

/** Tokens change often, so that a lost rotation is noticed. */
const ROTATING = { SESSION_ROTATE: '2', SESSION_ROTATE_GRACE: '2' }

/**
 * A stack on Kubernetes to break, with a Redis of this kind and its own test accounts. `prepare` runs after its start: node:test does
 * not wait for one hook of a file before it runs the next one.
 */
export function createKubernetesFaultStack(namespace: string, kind: RedisKind, prepare = async () => {}) {
  const stack = createKubernetesStack(namespace, { ...ROTATING, REDIS: kind })
  let saidByUp = ''
  before(async () => {
    if (NO_CLUSTER) return
    saidByUp = await stack.up()
    // The faults find the stack by environment variables, like make.
    Object.assign(process.env, stack.env, { HAVE_K6: '', K6: '' })
    process.env.TEST_ACCOUNTS = await succeed('deploy/test-accounts', ['create', 'faults', '6'])
    await prepare()
  })
  after(async () => {
    if (!NO_CLUSTER) await stack.down()
  })
  return { ...stack, saidByUp: () => saidByUp, open: () => openStack(stack.url()) }
}

export type KubernetesFaultStack = ReturnType<typeof createKubernetesFaultStack>

/** One test for each fault. */
export function testKubernetesFaults(stack: KubernetesFaultStack, faults: readonly KubernetesFault[]): void {
  for (const fault of faults)
    test(`on Kubernetes, ${fault.name}: ${fault.title}: no session is lost`, { skip: NO_CLUSTER }, async (t) =>
      assertSurvived(t, [await tryOut(stack.open(), fault)]),
    )
}

/** The drill must report this finding: its stack lacks a protection. */
export async function assertNoticed(stack: KubernetesFaultStack, fault: KubernetesFault, finds: RegExp): Promise<void> {
  const { missed } = await tryOut(stack.open(), fault)
  assert.ok(
    missed.some((reason) => finds.test(reason)),
    `findings: ${missed.join('; ') || 'none'}`,
  )
}
