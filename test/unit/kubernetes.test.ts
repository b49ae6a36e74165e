import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { before, test } from 'node:test'
import { parse } from 'yaml'
import { TOP } from '../support/command.ts'
import { kustomize, type Manifest, NO_KUBECTL, type Pod, podsOf, schemas } from '../support/manifests.ts'
import { waysOf } from '../support/network-ways.ts'
import { withOverlay } from '../support/overlay.ts'

// The manifests as kubectl would apply them, without a cluster. What a cluster does with them: test/stack/kubernetes.test.ts
const skip = NO_KUBECTL
const read = (path: string) => readFile(`${TOP}/${path}`, 'utf8')

let objects: Manifest[]
let pods: Map<string, Pod>

before(() => {
  if (skip) return
  objects = kustomize('deploy/kubernetes/overlays/production')
  pods = podsOf(objects)
  assert.deepEqual([...pods.keys()].sort(), ['app', 'nginx', 'redis'])
})
const eachPod = <T>(pick: (pod: Pod) => T) => Object.fromEntries([...pods].map(([name, pod]) => [name, pick(pod)]))
const all = <T>(value: T) => ({ app: value, nginx: value, redis: value })
const containerOf = (name: string) => {
  const container = pods.get(name)?.containers[0]
  assert.ok(container, name)
  return container
}

const minReadyOf = (name: string) => {
  const object = objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === name)
  return schemas.workload.parse(object).spec.minReadySeconds
}

test('no pod gets a token for the API of Kubernetes, and each has a service account of its own', { skip }, () => {
  assert.deepEqual(
    eachPod((pod) => [pod.automountServiceAccountToken, pod.enableServiceLinks]),
    all([false, false]),
  )
  for (const [name, { serviceAccountName }] of pods) assert.equal(serviceAccountName, name)
  const accounts = objects.filter(({ kind }) => kind === 'ServiceAccount')
  assert.deepEqual(
    accounts.map(({ automountServiceAccountToken }) => automountServiceAccountToken),
    [false, false, false],
  )
})

test('each pod runs as a numbered user who is not root, with a read-only disk and no privileges', { skip }, () => {
  const ids = { app: 1000, nginx: 101, redis: 999 }
  for (const [name, id] of Object.entries(ids)) {
    const { fsGroupChangePolicy: _, ...context } = pods.get(name)?.securityContext ?? {}
    assert.deepEqual(context, {
      ...{ runAsNonRoot: true, runAsUser: id, runAsGroup: id, fsGroup: id },
      seccompProfile: { type: 'RuntimeDefault' },
    })
  }
  for (const { containers } of pods.values())
    assert.deepEqual(
      containers.map(({ securityContext }) => securityContext),
      [{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } }],
    )
  const space = objects.find(({ kind }) => kind === 'Namespace')
  const labels = JSON.stringify(space?.metadata.labels)
  assert.match(labels, /"pod-security\.kubernetes\.io\/enforce":"restricted"/)
})

test('each container has the memory and processor limits of Compose, and requests', { skip }, async () => {
  const compose = await read('docker-compose.yml')
  for (const [name, { containers }] of pods) {
    const service = compose.slice(compose.indexOf(name === 'app' ? 'x-node:' : `\n  ${name}:`))
    const [, memory] = /mem_limit: (\d+)m/.exec(service) ?? []
    assert.deepEqual(containers[0]?.resources.limits, { cpu: '1', memory: `${memory}Mi` }, name)
    assert.deepEqual(Object.keys(containers[0]?.resources.requests ?? {}).sort(), ['cpu', 'memory'])
  }
})

test('Redis is started with the options of Compose', { skip }, async () => {
  const compose = await read('docker-compose.yml')
  const lines = /\n {4}command:\n([\s\S]*?)\n {4}[a-z#]/.exec(compose)?.[1]?.split('\n') ?? []
  const words = lines.flatMap((line) => /^ +- (.*)$/.exec(line)?.[1]?.replaceAll('"', '') ?? [])
  assert.ok(words.includes('noeviction'))
  assert.deepEqual(containerOf('redis').args, words)
})

test('the images of nginx and Redis are those of Compose', { skip }, async () => {
  const compose = await read('docker-compose.yml')
  for (const name of ['nginx', 'redis'])
    assert.match(compose, new RegExp(`^ +image: ${containerOf(name).image.replaceAll('.', '\\.')}$`, 'm'))
})

test('a pod has the time to serve until nginx has left it out, and to drain', { skip }, async () => {
  const [, drain] = /DRAIN_SECONDS: seconds\(1\)\.default\((\d+)\)/.exec(await read('app/src/environment.ts')) ?? []
  const [, nginx] = /worker_shutdown_timeout (\d+)s;/.exec(await read('nginx/nginx.conf')) ?? []
  for (const [name, seconds] of [
    ['app', Number(drain)],
    ['nginx', Number(nginx)],
  ] as const) {
    const preStop = containerOf(name).lifecycle?.preStop.sleep.seconds ?? 0
    assert.ok(preStop >= 3, name)
    assert.ok((pods.get(name)?.terminationGracePeriodSeconds ?? 0) >= preStop + seconds + 2, name)
  }
})

test('a rollout of two nodes takes longer than clusters cache DNS, so nginx knows a node that serves at any time', {
  skip,
}, () => {
  const { preStop } = containerOf('app').lifecycle ?? {}
  assert.ok(2 * minReadyOf('app') + (preStop?.sleep.seconds ?? 0) >= 29, 'with a second in which each of them starts')
})

test('in production, a balancer of a cloud has the time to notice an nginx that stops, or a new one', { skip }, () => {
  const { preStop } = containerOf('nginx').lifecycle ?? {}
  assert.deepEqual([minReadyOf('nginx'), preStop?.sleep.seconds], [30, 30])
})

test('after its start, neither the readiness nor the life of a node depends on Redis', { skip }, () => {
  const { startupProbe, readinessProbe, livenessProbe } = containerOf('app')
  const pathOf = (probe?: object) => /"path":"([^"]+)"/.exec(JSON.stringify(probe))?.[1]
  assert.deepEqual([startupProbe, readinessProbe, livenessProbe].map(pathOf), ['/readyz', '/livez', '/livez'])
})

test('network policies forbid everything but the ways from clients to nginx, on to the nodes, and on to Redis', {
  skip,
}, () => {
  assert.deepEqual(waysOf(objects), [
    ...['anybody to nginx:http', 'app may reach kube-dns:53', 'app may reach redis:redis', 'app to redis:redis'],
    ...['nginx may reach app:http', 'nginx may reach kube-dns:53', 'nginx to app:http', 'nobody to anybody'],
  ])
})

test('only nginx is published, DNS lists each node, and no pod uses the network, processes, ports or files of its machine', {
  skip,
}, () => {
  const services = objects.filter(({ kind }) => kind === 'Service').map((object) => schemas.service.parse(object))
  assert.deepEqual(
    services.map(({ metadata, spec }) => [metadata.name, spec.type, spec.clusterIP]),
    [
      ['app', 'ClusterIP', 'None'],
      ['nginx', 'LoadBalancer', undefined],
      ['redis', 'ClusterIP', undefined],
    ],
  )
  for (const pod of pods.values()) assert.doesNotMatch(JSON.stringify(pod), /host(Network|PID|IPC|Path|Port)/)
})

test('a drained machine stops one node at a time, and the pods of a part are on different machines', { skip }, () => {
  const budgets = objects.filter(({ kind }) => kind === 'PodDisruptionBudget')
  assert.deepEqual(
    budgets.map(({ metadata, spec }) => [metadata.name, JSON.stringify(spec).includes('"maxUnavailable":1')]),
    [
      ['app', true],
      ['nginx', true],
    ],
  )
  for (const name of ['app', 'nginx'])
    assert.deepEqual(
      pods.get(name)?.topologySpreadConstraints.map(({ topologyKey }) => topologyKey),
      ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'],
    )
})

test('the ConfigMaps have every file of nginx/ that Compose mounts, and the functions of Redis', { skip }, async () => {
  const texts = new Map(
    objects.filter(({ kind }) => kind === 'ConfigMap').flatMap(({ data }) => Object.entries(data ?? {})),
  )
  const same = async (key: string, path: string) => assert.equal(texts.get(key), await read(path), path)
  for (const file of await readdir(`${TOP}/nginx/parts`)) await same(file, `nginx/parts/${file}`)
  for (const file of ['nginx.conf', 'trusted-proxies.sh', 'failover-upstreams.conf.template'])
    await same(file, `nginx/${file}`)
  await same('server.conf.template', 'nginx/http.conf.template')
  await same('functions.lua', 'app/redis/functions.lua')
  await same('load', 'app/redis/load')
})

test('a node gets the settings of Compose, and its name from Kubernetes', { skip }, async () => {
  const compose = await read('docker-compose.yml')
  const env = new Map(containerOf('app').env.map(({ name, value }) => [name, value]))
  for (const [name, value] of env) {
    if (name === 'NODE_NAME' || name === 'REDIS_WAIT_SECONDS') continue
    assert.ok(compose.includes(`${name}: ${value}`) || compose.includes(`${name}: "${value}"`), name)
  }
  assert.ok(env.has('NODE_NAME') && Number(env.get('REDIS_WAIT_SECONDS')) > 0)
})

test('the production overlay has no demo accounts, stores no tokens and brings no secrets', { skip }, () => {
  const text = JSON.stringify(objects)
  assert.match(text, /"DEMO_USERS":"off"/)
  assert.match(text, /"SESSION_KEY":"hashed"/)
  assert.ok(!objects.some(({ kind }) => kind === 'Secret'))
})

test('the local overlay, with its known passwords, asks no cloud for a public address', async () => {
  const overlay = parse(await read('deploy/kubernetes/overlays/local/kustomization.yaml'))
  assert.match(JSON.stringify(overlay), /DEMO_USERS=on/)
  assert.match(JSON.stringify(overlay), /\/spec\/type, value: NodePort/)
  assert.doesNotMatch(JSON.stringify(overlay), /LoadBalancer/)
})

test('each component can be added to the production overlay', { skip }, async () => {
  const components = await readdir(`${TOP}/deploy/kubernetes/components`)
  assert.ok(components.length >= 6)
  // A component with several Redis names them by their shards.
  const withoutOne = ['external-redis', 'cluster']
  for (const component of components.filter((name) => name !== 'hpa')) {
    const objectsOf = (folder: string) => kustomize(folder).map(({ kind, metadata }) => `${kind} ${metadata.name}`)
    const kinds = await withOverlay('production', [component], objectsOf)
    assert.ok(kinds.includes('Deployment app'), component)
    assert.equal(kinds.includes('StatefulSet redis'), !withoutOne.includes(component), component)
  }
})
