import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { command, succeed } from '../support/command.ts'

// What make k8s-up says where it cannot start the stack. A stand-in for kubectl answers like a cluster.

/** The answers of a cluster without this stack, by the start of the arguments of kubectl. The first one that fits counts. */
const EMPTY_CLUSTER = [
  ['get --raw /readyz', 'echo ok'],
  ['get namespace', 'exit 1'],
  ['config current-context', 'echo test'],
  ['apply', 'echo applied'],
  ['*get deployment app', 'exit 1'],
  ['*get pods', 'true'],
  ['*rollout', 'echo Waiting'],
  ['*', 'true'],
] as const

/** Runs make k8s-up with this kubectl. */
async function up(t: TestContext, answers: readonly (readonly [string, string])[], env: Record<string, string> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'kubectl-'))
  t.after(() => rm(folder, { recursive: true }))
  const cases = answers.map(([words, answer]) => `  ${words.replaceAll(' ', '\\ ')}*) ${answer} ;;`)
  await writeFile(join(folder, 'kubectl'), `#!/bin/sh\ncase "$*" in\n${cases.join('\n')}\nesac\n`)
  await chmod(join(folder, 'kubectl'), 0o755)
  const settings = { K8S_NAMESPACE: `messages-${process.pid}`, IMAGE: 'registry.example.org/sessions-app:1', CI: '1' }
  t.after(() => rm(`.local/kubernetes-${settings.K8S_NAMESPACE}`, { recursive: true, force: true }))
  return command('deploy/k8s-up', [], { PATH: `${folder}:${process.env.PATH}`, ...settings, ...env })
}

const lastLine = (output: string) => output.trim().split('\n').at(-1) ?? ''

test('without kubectl, make k8s-up fails with one line that says where to get it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'programs-'))
  t.after(() => rm(folder, { recursive: true }))
  // What the script needs before it needs kubectl.
  for (const name of ['bash', 'cat', 'cksum', 'cut', 'dirname', 'sed', 'sh', 'sha256sum', 'stty'])
    await symlink((await succeed('sh', ['-c', `command -v ${name}`])).trim(), join(folder, name))
  const { code, output } = await command('deploy/k8s-up', [], { PATH: folder })
  assert.notEqual(code, 0)
  assert.match(output, /^kubectl is not installed\. See https:\S+\n$/)
})

test('without a cluster, make k8s-up fails with the reason and says how to start or choose one', async (t) => {
  const { code, output } = await up(t, [['get --raw', 'echo "connection refused" >&2; exit 1']])
  assert.notEqual(code, 0)
  assert.match(
    output,
    /^No cluster answers: connection refused\. Start one, for example with: kind create cluster\..*KUBECONFIG\.\n$/,
  )
})

test('make k8s-up leaves a namespace of another program alone, and names a free one', async (t) => {
  const { code, output } = await up(t, [['get namespace', 'echo other'], ...EMPTY_CLUSTER])
  assert.notEqual(code, 0)
  assert.match(
    lastLine(output),
    /^The namespace messages-\d+ is not of this stack\. Run: make k8s-up K8S_NAMESPACE=sessions-2$/,
  )
})

for (const [what, pods, expected] of [
  [
    'an image that the cluster cannot pull',
    'ErrImagePull sessions-app:1 app-1 0',
    /^The cluster cannot pull the image sessions-app:1\. Load it with: kind load .*minikube image load .*k3s ctr images import.*IMAGE=/m,
  ],
  [
    'too little room',
    'unschedulable 0/1 nodes are available: 1 Insufficient memory.',
    /^The cluster has too little room: 0\/1 nodes are available: 1 Insufficient memory\./m,
  ],
  [
    'no volume',
    'unschedulable pod has unbound immediate PersistentVolumeClaims.',
    /^The cluster has no volume for Redis: .*StorageClass/m,
  ],
  [
    'a node that does not start',
    'CrashLoopBackOff sessions-app:1 app-1 6',
    /^app-1 does not start: the last line of its log/m,
  ],
] as const)
  test(`make k8s-up says in one line that it met ${what}`, async (t) => {
    const { code, output } = await up(t, [
      ['*logs', 'echo the last line of its log'],
      ['*get pods --output go-template', `echo '${pods}'`],
      ...EMPTY_CLUSTER,
    ])
    assert.notEqual(code, 0)
    assert.match(output, expected)
    assert.match(lastLine(output), /^The stack did not become ready\. The reason is above, or in: make k8s-logs$/)
  })
