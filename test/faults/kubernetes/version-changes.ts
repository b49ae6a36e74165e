// A rolling update to another version of the application, and its rollback, under load.
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../../support/until.ts'
import { createVisitor, type Visitor } from '../../support/visitor.ts'
import type { Fault, Watch } from '../fault.ts'
import type { KubernetesStack } from './stack.ts'

const ROLL_OUT_MS = 300_000
/** How long both versions serve the same sessions. */
const SIDE_BY_SIDE_MS = 8_000

/** The record of the visitor's session, as Redis stores it. */
const recordOf = (stack: KubernetesStack, visitor: Visitor) => stack.redis('--raw', 'GET', `session:${visitor.token()}`)

/** All nodes become this image and then the one from before. `writes` is what only the newer version writes into a record. */
export const changeVersion = (image: string, writes: string): Fault<KubernetesStack> => ({
  name: 'change-version',
  title: 'All nodes are replaced by a newer version, and by the older one again',
  tolerated: { get: [], post: [] },
  slowestMs: 2_000,
  recoverMs: 10_000,
  seconds: 0,
  async happen(stack, watch) {
    const before = await stack.nodes()
    await sideBySide(stack, watch, before, () => stack.kubectl('set', 'image', 'deployment/app', `app=${image}`))
    const newer = await stack.nodes()
    watch.expect(!newer.some((name) => before.includes(name)), 'a node of the older version is left')
    const visitor = createVisitor(stack.url)
    // nginx may send a request to a node that stops, until it has resolved the name again.
    await until('the newer version answers a login', async () => newer.includes((await visitor.logIn()).servedBy))
    watch.expect((await recordOf(stack, visitor)).includes(writes), 'the newer version has not written its record')
    await sideBySide(stack, watch, newer, () => stack.kubectl('rollout', 'undo', 'deployment/app'))
    watch.mended()
    const after = await stack.untilReady('app', before.length)
    watch.expect(!after.some(({ name }) => newer.includes(name)), 'a node of the newer version is left')
    const token = visitor.token()
    await until('the older version replaces the token', async () => {
      await visitor.whoAmI()
      return visitor.token() !== token
    })
    const isKept = (await recordOf(stack, visitor)).includes(writes)
    watch.expect(isKept, 'the older version has destroyed what the newer one wrote')
    await visitor.logOut()
  },
})

/** Starts to replace all nodes, and waits in the middle while nodes of both versions serve. */
async function sideBySide(
  stack: KubernetesStack,
  { recorder, now }: Watch,
  before: readonly string[],
  start: () => Promise<unknown>,
): Promise<void> {
  const startedMs = now()
  await start()
  const added = await until(
    'a node of the other version is ready',
    async () => (await stack.pods('app')).find(({ name, isReady }) => isReady && !before.includes(name))?.name,
    ROLL_OUT_MS,
  )
  await stack.kubectl('rollout', 'pause', 'deployment/app')
  try {
    await until('the other version serves', () => recorder.hasServed(added, startedMs))
    await sleep(SIDE_BY_SIDE_MS)
  } finally {
    await stack.kubectl('rollout', 'resume', 'deployment/app')
  }
  await stack.kubectl('rollout', 'status', 'deployment/app', '--timeout=300s')
}
