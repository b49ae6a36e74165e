import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { before, test } from 'node:test'
import { readConfig } from 'app/config'
import { z } from 'zod'
import { succeed } from '../support/command.ts'

// docker-compose.yml as Compose reads it, without an engine. What the containers then do: test/stack
const skip = spawnSync('docker', ['compose', 'version']).status === 0 ? false : 'no Docker Compose on this machine'

const fileSchema = z.object({
  services: z.record(
    z.string(),
    z.object({
      cap_drop: z.unknown(),
      command: z.array(z.string()).nullish(),
      environment: z.record(z.string(), z.string().nullable()).default({}),
      init: z.unknown(),
      logging: z.unknown(),
      mem_limit: z.coerce.number().optional(),
      networks: z.record(z.string(), z.unknown()),
      pids_limit: z.unknown(),
      read_only: z.unknown(),
      secrets: z.array(z.object({ source: z.string() })).nullish(),
      security_opt: z.unknown(),
      stop_grace_period: z.string().nullish(),
      user: z.string().nullish(),
    }),
  ),
})
type Services = z.infer<typeof fileSchema>['services']

/** The stack of each kind of Redis: make up REDIS=... */
const KINDS = {
  single: { files: [], redis: ['redis'] },
  sentinel: {
    files: ['deploy/compose.sentinel.yml'],
    redis: ['redis-a', 'redis-b', 'redis-c', 'sentinel-a', 'sentinel-b', 'sentinel-c'],
  },
  cluster: {
    files: ['deploy/compose.cluster.yml'],
    redis: ['redis-a', 'redis-b', 'redis-c', 'redis-d', 'redis-e', 'redis-f'],
  },
}
const stacks = new Map<keyof typeof KINDS, Services>()

before(async () => {
  if (skip) return
  for (const kind of ['single', 'sentinel', 'cluster'] as const) {
    const files = ['docker-compose.yml', ...KINDS[kind].files].flatMap((file) => ['--file', file])
    const all = await succeed('docker', ['compose', ...files, '--profile', '*', 'config', '--format', 'json'])
    const { services } = fileSchema.parse(JSON.parse(all))
    assert.deepEqual(Object.keys(services).sort(), ['app', 'control', 'k6', 'nginx', ...KINDS[kind].redis])
    stacks.set(kind, services)
  }
})

/** Everything that is a service of one of the stacks, with a name for messages. */
const everyService = () =>
  [...stacks].flatMap(([kind, services]) =>
    Object.entries(services).map(([name, service]) => ({ kind, name, service, where: `REDIS=${kind}: ${name}` })),
  )

/** Every service that runs a Redis with sessions. */
const everyRedis = () => everyService().filter(({ name }) => /^redis/.test(name))

const optionOf = (words: readonly string[], option: string) => words[words.indexOf(`--${option}`) + 1]

test('each container has a read-only disk, no capabilities, no-new-privileges and resource limits, also those of a profile', {
  skip,
}, () => {
  for (const { name, service, where } of everyService()) {
    const { cap_drop, init, pids_limit, read_only, security_opt, user } = service
    assert.deepEqual(
      { cap_drop, init, pids_limit, read_only, security_opt },
      {
        ...{ cap_drop: ['ALL'], init: true, pids_limit: 128, read_only: true },
        security_opt: ['no-new-privileges:true'],
      },
      where,
    )
    if (name !== 'k6') assert.ok(service.mem_limit, where)
    // The image of the nodes has its user: app/Dockerfile
    if (name !== 'app' && name !== 'control') assert.match(user ?? '', /^[1-9]\d*:[1-9]\d*$/, where)
  }
})

test('the containers of Redis have at most 1.5 GB together', { skip }, () => {
  for (const [kind, services] of stacks) {
    const limits = KINDS[kind].redis.map((name) => services[name]?.mem_limit ?? Number.POSITIVE_INFINITY)
    assert.ok(limits.reduce((sum, limit) => sum + limit) <= 1.5 * 1024 ** 3, kind)
  }
})

test('the logs of each container are bounded', { skip }, () => {
  const logging = { driver: 'json-file', options: { 'max-size': '10m', 'max-file': '3' } }
  for (const { service, where } of everyService()) assert.deepEqual(service.logging, logging, where)
})

/** The networks and the secrets of a service. */
const ACCESS: Record<string, [networks: string[], secrets: string[]]> = {
  app: [
    ['data', 'web'],
    ['redis_app_password', 'session_seal_keys'],
  ],
  k6: [['web'], []],
  nginx: [['edge', 'web'], []],
  redis: [['data'], ['redis_loader_password', 'redis_users']],
  'redis-': [['data'], ['redis_loader_password', 'redis_replica_password', 'redis_users']],
  'sentinel-': [['data'], ['redis_sentinel_password', 'redis_sentinel_users']],
}

test('only the nodes reach Redis, only nginx has a network that is not internal, and each container has only its own secrets', {
  skip,
}, () => {
  for (const { name, service, where } of everyService()) {
    const kind = name.replace(/[a-f]$/, '')
    const expected = ACCESS[name === 'control' ? 'app' : kind.endsWith('-') ? kind : name]
    const secrets = (service.secrets ?? []).map(({ source }) => source).sort()
    assert.deepEqual([Object.keys(service.networks).sort(), secrets], expected, where)
    for (const [variable, value] of Object.entries(service.environment)) {
      assert.doesNotMatch(value ?? '', /:\/\/[^/]*:[^/]*@/, variable)
      if (/PASSWORD|SECRET|_KEYS?_/.test(variable)) assert.match(value ?? '', /^\/run\/secrets\//, variable)
    }
  }
})

test('Redis stores its data on disk, evicts no session when it is full, and accepts only its own users', {
  skip,
}, () => {
  for (const { kind, service, where } of everyRedis()) {
    const words = service.command ?? []
    assert.deepEqual(
      ['appendonly', 'appendfsync', 'maxmemory-policy', 'aclfile'].map((option) => optionOf(words, option)),
      ['yes', 'everysec', 'noeviction', '/run/secrets/redis_users'],
      where,
    )
    const megabytes = Number(/^(\d+)mb$/.exec(optionOf(words, 'maxmemory') ?? '')?.[1])
    assert.equal(megabytes, kind === 'cluster' ? 128 : 192, where)
    // More than maxmemory, because Redis forks to rewrite the append-only file.
    assert.ok((service.mem_limit ?? 0) >= 1.5 * megabytes * 1024 ** 2, where)
  }
})

test('a primary without a replica refuses writes after two seconds', { skip }, () => {
  for (const { service, where } of everyRedis().filter(({ kind }) => kind !== 'single')) {
    const words = service.command ?? []
    const values = ['min-replicas-to-write', 'min-replicas-max-lag'].map((option) => optionOf(words, option))
    assert.deepEqual(values, ['1', '2'], where)
  }
})

test('Docker gives a node and nginx more time to stop than their requests may take', { skip }, () => {
  for (const { name, service, where } of everyService()) {
    if (!['app', 'control', 'nginx'].includes(name)) continue
    const seconds = Number(/^(\d+)s$/.exec(service.stop_grace_period ?? '')?.[1])
    // The node drains, and then waits for Redis and for its last connections.
    assert.ok(seconds >= readConfig({}).drainSeconds + 5, where)
  }
})
