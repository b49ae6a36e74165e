import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { before, test } from 'node:test'
import { parse } from 'yaml'
import { z } from 'zod'
import { TOP } from '../support/command.ts'
import { kustomize, type Manifest, NO_KUBECTL, type Pod, podsOf, schemas } from '../support/manifests.ts'
import { waysOf } from '../support/network-ways.ts'
import { withOverlay } from '../support/overlay.ts'

// The components with several Redis, as kubectl would apply them. What a cluster does with them: test/stack/kubernetes-sentinels.test.ts
const skip = NO_KUBECTL
const read = (path: string) => readFile(`${TOP}/${path}`, 'utf8')

const serviceSchema = z.object({ command: z.array(z.string()), mem_limit: z.string().optional() }).loose()
const composeSchema = z.object({ 'x-redis': serviceSchema, 'x-sentinel': serviceSchema.optional() }).loose()

/** Each with the workloads of Redis, and the others that it adds. */
const KINDS = {
  sentinel: { redis: ['redis'], more: ['sentinel'] },
  cluster: { redis: ['a-redis', 'b-redis', 'c-redis'], more: ['join'] },
} as const
type Kind = keyof typeof KINDS
const kinds: readonly Kind[] = ['sentinel', 'cluster']

const objects = new Map<Kind, Manifest[]>()
const objectsOf = (kind: Kind) => objects.get(kind) ?? []
const namesOf = (kind: Kind) => [...KINDS[kind].redis, ...KINDS[kind].more]

before(async () => {
  if (skip) return
  for (const kind of kinds) objects.set(kind, await withOverlay('production', [kind], kustomize))
})

function podOf(kind: Kind, name: string): Pod {
  const pod = podsOf(objectsOf(kind)).get(name)
  assert.ok(pod, `${kind}: ${name}`)
  return pod
}

function containerOf(kind: Kind, name: string) {
  const [container] = podOf(kind, name).containers
  assert.ok(container)
  return container
}

/** What the file of Compose says. Its own tags mean nothing here. */
const composeOf = async (kind: Kind) =>
  composeSchema.parse(parse(await read(`deploy/compose.${kind}.yml`), { logLevel: 'error' }))

test('with several Redis, the same workloads run, and those of one Redis do not', { skip }, () => {
  for (const kind of kinds)
    assert.deepEqual([...podsOf(objectsOf(kind)).keys()].sort(), ['app', 'nginx', ...namesOf(kind)].sort())
})

test('each Redis with replicas is started with the options of Compose', { skip }, async () => {
  for (const kind of kinds) {
    const [, , ...options] = (await composeOf(kind))['x-redis'].command
    for (const name of KINDS[kind].redis)
      assert.deepEqual(containerOf(kind, name).args, ['sh', '/replication/pod', 'redis', ...options], name)
  }
})

test('each Redis with replicas, and each sentinel, has the memory of Compose', { skip }, async () => {
  const [one, sentinels, cluster] = [
    await read('docker-compose.yml'),
    await composeOf('sentinel'),
    await composeOf('cluster'),
  ]
  const [, ofOne] = /\n {2}redis:[\s\S]*?mem_limit: (\d+m)/.exec(one) ?? []
  for (const [kind, name, memory] of [
    ['sentinel', 'redis', ofOne],
    ['sentinel', 'sentinel', sentinels['x-sentinel']?.mem_limit],
    ['cluster', 'b-redis', cluster['x-redis'].mem_limit],
  ] as const)
    assert.equal(containerOf(kind, name).resources.limits.memory, memory?.replace(/m$/, 'Mi'), name)
})

test('the scripts of each Redis, sentinel and Job are the files of deploy/replication', { skip }, async () => {
  const scripts = (await readdir(`${TOP}/deploy/replication`)).filter((name) => !name.endsWith('.yaml'))
  assert.ok(scripts.includes('redis') && scripts.includes('sentinel'))
  for (const kind of kinds) {
    const config = objectsOf(kind).find(({ metadata }) => metadata.name.startsWith('redis-replication-'))
    for (const script of scripts)
      assert.equal(config?.data?.[script], await read(`deploy/replication/${script}`), script)
  }
})

test('each Redis with replicas, sentinel and Job is restricted like the one Redis', { skip }, () => {
  for (const kind of kinds)
    for (const name of namesOf(kind)) {
      const pod = podOf(kind, name)
      const { fsGroupChangePolicy: _, ...context } = pod.securityContext
      assert.deepEqual(context, {
        ...{ runAsNonRoot: true, runAsUser: 999, runAsGroup: 999, fsGroup: 999 },
        seccompProfile: { type: 'RuntimeDefault' },
      })
      assert.deepEqual([pod.automountServiceAccountToken, pod.enableServiceLinks], [false, false])
      assert.deepEqual(containerOf(kind, name).securityContext, {
        ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
      })
      assert.doesNotMatch(JSON.stringify(pod), /host(Network|PID|IPC|Path|Port)/)
    }
})

test('with sentinels, policies allow only the ways between nodes, sentinels and Redis', { skip }, () => {
  const ways = waysOf(objectsOf('sentinel')).filter((way) => /redis|sentinel/.test(way))
  const between = [
    ...[
      'app > redis',
      'app > sentinel',
      'redis > redis',
      'redis > sentinel',
      'sentinel > redis',
      'sentinel > sentinel',
    ],
  ].map((way) => way.split(' > '))
  const expected = between.flatMap(([from, to]) => [`${from} to ${to}:${to}`, `${from} may reach ${to}:${to}`])
  assert.deepEqual(ways, [...expected, 'redis may reach kube-dns:53', 'sentinel may reach kube-dns:53'].sort())
})

test('in a cluster, policies allow the bus between the Redis only, and the Job reaches nothing but Redis', {
  skip,
}, () => {
  const ways = waysOf(objectsOf('cluster')).filter((way) => /redis|join/.test(way))
  const expected = ['app', 'redis', 'join'].flatMap((from) => [
    `${from} to redis:redis`,
    `${from} may reach redis:redis`,
  ])
  assert.deepEqual(
    ways,
    [
      ...[...expected, 'redis to redis:bus', 'redis may reach redis:bus'],
      ...['redis may reach kube-dns:53', 'join may reach kube-dns:53'],
    ].sort(),
  )
})

const spreadSchema = z.object({
  ...{ maxSkew: z.number(), topologyKey: z.string(), whenUnsatisfiable: z.string() },
  labelSelector: z.unknown(),
  matchLabelKeys: z.array(z.string()).default([]),
})

test('a primary, its replicas and the sentinels are on different machines, and a drain stops one at a time', {
  skip,
}, () => {
  for (const [kind, name, keys] of [
    ['sentinel', 'redis', []],
    ['sentinel', 'sentinel', []],
    ...KINDS.cluster.redis.map((shard) => ['cluster', shard, ['redis-shard']] as const),
  ] as const) {
    const required = podOf(kind, name)
      .topologySpreadConstraints.map((one) => spreadSchema.parse(one))
      .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === 'DoNotSchedule')
    assert.deepEqual(
      required.map(({ maxSkew, topologyKey, matchLabelKeys }) => [maxSkew, topologyKey, matchLabelKeys]),
      [[1, 'kubernetes.io/hostname', [...keys]]],
      name,
    )
    const budget = objectsOf(kind).find((one) => one.kind === 'PodDisruptionBudget' && one.metadata.name === name)
    assert.match(JSON.stringify(budget), /"maxUnavailable":1,.*"unhealthyPodEvictionPolicy":"IfHealthyBudget"/)
  }
})

test('each Redis and each sentinel has a Service of its own, with an address and the name of its pod', { skip }, () => {
  const counts = { redis: 3, sentinel: 3, 'a-redis': 2, 'b-redis': 2, 'c-redis': 2 }
  for (const kind of kinds) {
    const services = objectsOf(kind).filter((one) => one.kind === 'Service')
    for (const [name, count] of Object.entries(counts).filter(([one]) => podsOf(objectsOf(kind)).has(one)))
      for (let index = 0; index < count; index++) {
        const service = services.find(({ metadata }) => metadata.name === `${name}-${index}`)
        const { spec } = schemas.service.parse(service)
        assert.deepEqual([spec.type, spec.clusterIP, spec.publishNotReadyAddresses], ['ClusterIP', undefined, true])
        const selected =
          spec.selector['statefulset.kubernetes.io/pod-name'] ?? spec.selector['apps.kubernetes.io/pod-index']
        assert.ok(selected === `${name}-${index}` || selected === `${index}`, `${name}-${index}`)
      }
    assert.ok(!services.some(({ metadata }) => metadata.name === 'redis'))
  }
})

test('a node finds several Redis by the names of their Services, and has no other setting for them than in Compose', {
  skip,
}, () => {
  const env = (kind: Kind) => Object.fromEntries(containerOf(kind, 'app').env.map(({ name, value }) => [name, value]))
  const list = (names: readonly string[], port: number) => names.map((name) => `${name}:${port}`).join(',')
  const { REDIS_URL, REDIS_SENTINELS, REDIS_PRIMARY, REDIS_USERNAME } = env('sentinel')
  assert.deepEqual([REDIS_URL, REDIS_PRIMARY, REDIS_USERNAME], ['', 'sessions', 'app'])
  assert.equal(REDIS_SENTINELS, list(['sentinel-0', 'sentinel-1', 'sentinel-2'], 26379))
  const pods = KINDS.cluster.redis.flatMap((shard) => [`${shard}-0`, `${shard}-1`])
  assert.equal(env('cluster').REDIS_CLUSTER, list(pods, 6379))
  for (const kind of kinds) assert.equal(env(kind).SESSION_REPLICAS, undefined)
})
