import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { command, succeed, TOP } from '../support/command.ts'

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

type Answers = readonly (readonly [words: string, answer: string])[]

const K8S_NAMESPACE = `messages-${process.pid}`
/** What make k8s-up remembers of this stack. */
const REMEMBERED = `${TOP}/.local/kubernetes-${K8S_NAMESPACE}`

/** A PATH with a kubectl that gives these answers. */
async function pathWith(t: TestContext, answers: Answers): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kubectl-'))
  t.after(() => rm(folder, { recursive: true }))
  const cases = answers.map(([words, answer]) => `  ${words.replaceAll(' ', '\\ ')}*) ${answer} ;;`)
  await writeFile(join(folder, 'kubectl'), `#!/bin/sh\ncase "$*" in\n${cases.join('\n')}\nesac\n`)
  await chmod(join(folder, 'kubectl'), 0o755)
  return `${folder}:${process.env.PATH}`
}

/** Runs make k8s-up with this kubectl. */
async function up(t: TestContext, answers: Answers, env: Record<string, string> = {}) {
  const settings = { K8S_NAMESPACE, IMAGE: 'registry.example.org/sessions-app:1', CI: '1' }
  t.after(() => rm(REMEMBERED, { recursive: true, force: true }))
  return command('deploy/k8s-up', [], { PATH: await pathWith(t, answers), ...settings, ...env })
}

/** Runs functions of the scripts with this kubectl. Returns what they print. */
async function call(t: TestContext, script: string, answers: Answers): Promise<string> {
  const { output } = await command('bash', ['-c', `source deploy/lib.sh; ${script} || true`], {
    PATH: await pathWith(t, answers),
    K8S_NAMESPACE,
  })
  return output
}

/** Why the pods do not start, as make k8s-up would say. Empty while they still may. */
const troubleWith = (t: TestContext, answers: Answers) => call(t, 'k8s_trouble', answers)

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

test('make k8s-up waits for the machine that an autoscaler adds, and for a volume that is being made', async (t) => {
  const gaveUp = async (answers: Answers) => {
    const said = await call(t, 'k8s_trouble > /dev/null && echo yes || echo no', [...answers, ...EMPTY_CLUSTER])
    return said.trim() === 'yes'
  }
  const waiting = (reason: string) => ['*get pods --output go-template', `echo 'unschedulable ${reason}'`] as const
  const noPlace = waiting('1 Insufficient cpu.')
  const noVolume = waiting('pod has unbound immediate PersistentVolumeClaims.')
  assert.equal(await gaveUp([noPlace]), true)
  assert.equal(await gaveUp([noVolume]), true)
  for (const reason of ['TriggeredScaleUp', 'Nominated'])
    assert.equal(await gaveUp([noPlace, [`*get events --field-selector reason=${reason}`, 'echo one']]), false)
  assert.equal(await gaveUp([noVolume, ['*get persistentvolumeclaims', 'echo standard']]), false)
  // If it takes too long, the reason is there.
  const events = ['*get events', 'echo one'] as const
  assert.match(await troubleWith(t, [noPlace, events, ...EMPTY_CLUSTER]), /^The cluster has too little room/)
})

test('make k8s-up says that the Job of a cluster of Redis has failed, with the last line of its log', async (t) => {
  assert.equal(
    await troubleWith(t, [
      ['*get jobs', `echo 'BackoffLimitExceeded'`],
      ['*logs job/join', 'echo Not in time: a-redis-0 answers'],
      ...EMPTY_CLUSTER,
    ]),
    'The Redis were not joined to a cluster: Not in time: a-redis-0 answers\n',
  )
})

test('make k8s-up adds no component that the overlay already has, and refuses another kind of Redis', async (t) => {
  const answers = [
    ['kustomize', `echo 'redis-kind: sentinel'`],
    ['*get pods --output go-template', `echo 'unschedulable 1 Insufficient cpu.'`],
    ...EMPTY_CLUSTER,
  ] as const
  assert.match((await up(t, answers)).output, /too little room/)
  assert.doesNotMatch(await readFile(`${REMEMBERED}/kustomization.yaml`, 'utf8'), /components/)
  const { code, output } = await up(t, answers, { REDIS: 'cluster' })
  assert.notEqual(code, 0)
  assert.match(output, /^K8S_OVERLAY=\S+ has the component sentinel\. Remove it there, or leave REDIS=cluster out\.\n$/)
})

test('make k8s-up forgets the address and the copied images of a cluster that was deleted and created again', async (t) => {
  t.after(() => rm(REMEMBERED, { recursive: true, force: true }))
  const look = (cluster: string) =>
    call(t, 'k8s_forget_other_clusters', [['get namespace kube-system', `echo ${cluster}`], ...EMPTY_CLUSTER])
  const remembered = () =>
    Promise.all(['url', 'loaded'].map((name) => readFile(`${REMEMBERED}/${name}`, 'utf8').catch(() => 'nothing')))
  await look('first')
  await Promise.all(['url', 'loaded'].map((name) => writeFile(`${REMEMBERED}/${name}`, 'old')))
  await look('first')
  assert.deepEqual(await remembered(), ['old', 'old'])
  await look('second')
  assert.deepEqual(await remembered(), ['nothing', 'nothing'])
})
