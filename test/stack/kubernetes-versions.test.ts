import { readFile } from 'node:fs/promises'
import { after, test } from 'node:test'
import { tryOut } from '../faults/drill.ts'
import { changeVersion } from '../faults/kubernetes/version-changes.ts'
import { succeed, TOP } from '../support/command.ts'
import { assertSurvived } from '../support/fault-tests.ts'
import { assertNoticed, createKubernetesFaultStack } from '../support/kubernetes-faults.ts'
import { NO_CLUSTER } from '../support/kubernetes-stack.ts'
import { buildOtherImage } from '../support/other-image.ts'
import { ANOTHER_FORM, type Change, ONE_MEMBER_MORE } from '../support/other-version.ts'

// Two versions of the application side by side on one Redis, under load. Without a cluster: test/integration/version-skew.test.ts
const skip = NO_CLUSTER
const NAMESPACE = 'sessions-test-k8s-versions'
const stack = createKubernetesFaultStack(NAMESPACE, 'single', async () => {
  await load(NEWER, ONE_MEMBER_MORE)
  await load(INCOMPATIBLE, ANOTHER_FORM)
})
const NEWER = `${NAMESPACE}-app:newer`
const INCOMPATIBLE = `${NAMESPACE}-app:incompatible`

async function load(name: string, changes: readonly Change[]): Promise<void> {
  const image = (await readFile(`${TOP}/.local/kubernetes-${NAMESPACE}/image`, 'utf8')).trim()
  await buildOtherImage(image, name, changes)
  await succeed('deploy/k8s-load', [name], stack.env)
}

after(async () => {
  if (!skip) await succeed('docker', ['image', 'rm', '--force', NEWER, INCOMPATIBLE])
})

test('a rolling update to a newer version and its rollback, under load: no session is lost, no request fails, and no record is destroyed', {
  skip,
}, async (t) => {
  assertSurvived(t, [await tryOut(stack.open(), changeVersion(NEWER, '"plan":"gold"'))])
})

test(
  'the control: a version whose records have another form loses sessions in a rolling update, and the drill reports it',
  {
    skip,
  },
  () => assertNoticed(stack, changeVersion(INCOMPATIBLE, '"form":2'), /^(lost|returned): /),
)
