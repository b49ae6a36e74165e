// The Redis servers of a stack that has several, and their roles: make up REDIS=sentinel, make up REDIS=cluster.
import { readFile } from 'node:fs/promises'
import { succeed, TOP } from '../support/command.ts'
import { createSentinels, SENTINELS } from './sentinels.ts'
import type { Stack } from './stack.ts'
import { untilWhole } from './whole.ts'

export type RedisKind = 'single' | 'sentinel' | 'cluster'

/** The kind of Redis that the stack runs, by the label of its containers. */
export async function redisKind({ docker, project }: Pick<Stack, 'docker' | 'project'>): Promise<RedisKind> {
  const filters = [`label=com.docker.compose.project=${project}`, 'label=redis-kind']
  const words = filters.flatMap((filter) => ['--filter', filter])
  const [kind] = (await docker('ps', '--all', ...words, '--format', '{{.Label "redis-kind"}}')).trim().split('\n')
  return kind === 'sentinel' || kind === 'cluster' ? kind : 'single'
}

/** A primary and its replicas, as parts of the stack: redis-a-1. */
export interface Group {
  primary: string
  replicas: string[]
  /** The slots of a cluster's primary, such as 0-5460. */
  slots?: string
}

const SERVERS: Record<RedisKind, readonly string[]> = {
  single: ['redis-1'],
  sentinel: ['redis-a-1', 'redis-b-1', 'redis-c-1'],
  cluster: ['redis-a-1', 'redis-b-1', 'redis-c-1', 'redis-d-1', 'redis-e-1', 'redis-f-1'],
}
/** How long a replica may take to return. */
const PATIENCE_MS = 90_000
/** The address of redis-a ends with 11, that of redis-b with 12: deploy/compose.sentinel.yml */
const FIRST_PLACE = 11
const partAt = (address: string) => `redis-${'abcdef'[Number(address.split('.').at(-1)) - FIRST_PLACE]}-1`

export type Servers = ReturnType<typeof openServers>

export function openServers(stack: Stack, kind: RedisKind) {
  const all = SERVERS[kind]
  const { ask, info, askAny } = createAdmin(stack, all)
  const sentinels = createSentinels(stack)

  async function groups(): Promise<Group[]> {
    return kind === 'cluster' ? clusterGroups(await askAny('CLUSTER', 'NODES')) : [await sentinelGroup()]
  }

  /** By the sentinels, or the only Redis. */
  async function sentinelGroup(): Promise<Group> {
    if (kind === 'single') return { primary: 'redis-1', replicas: [] }
    const primary = partAt(await sentinels.primaryAddress())
    return { primary, replicas: all.filter((part) => part !== primary) }
  }

  /** Every primary has all its replicas, and every sentinel and node knows it. */
  async function isWhole(): Promise<boolean> {
    if (kind === 'sentinel' && !(await sentinels.agree())) return false
    const found = await groups()
    const replicas = found.flatMap((group) => group.replicas)
    if (found.length + replicas.length !== all.length) return false
    for (const { primary, replicas } of found) {
      const state = await info(primary, 'replication')
      const online = [...state].filter(([name, value]) => /^slave\d/.test(name) && value.includes('state=online'))
      if (state.get('role') !== 'master' || online.length !== replicas.length) return false
    }
    const nodes = await stack.nodes()
    const ready = await Promise.all(nodes.map((node) => stack.probe(node, '/readyz')))
    return ready.every(({ status }) => status === 200)
  }

  return {
    kind,
    all,
    sentinels: kind === 'sentinel' ? SENTINELS : [],
    ask,
    info,
    groups,
    /** The only primary, or a primary of a cluster. */
    async group(): Promise<Group> {
      const [first] = await groups()
      if (!first) throw new Error('there is no primary')
      return first
    },
    async whole(): Promise<void> {
      await untilWhole(isWhole, PATIENCE_MS)
    },
  }
}

function createAdmin({ container }: Stack, all: readonly string[]) {
  /** A command of the administrator to this server. */
  async function ask(part: string, ...words: string[]): Promise<string> {
    const password = (await readFile(`${TOP}/.secrets/redis-admin-password`, 'utf8')).trim()
    const exec = ['exec', '--env', 'REDISCLI_AUTH', container(part)]
    return succeed('docker', [...exec, 'redis-cli', '--user', 'admin', ...words], { REDISCLI_AUTH: password })
  }

  /** The field of INFO of this server. */
  async function info(part: string, section: string): Promise<Map<string, string>> {
    const lines = (await ask(part, 'INFO', section)).split(/\r?\n/)
    return new Map(lines.map((line) => [line.split(':', 1)[0] ?? '', line.slice(line.indexOf(':') + 1)]))
  }

  /** A command to the first server that answers. */
  async function askAny(...words: string[]): Promise<string> {
    for (const part of all) {
      const answer = await ask(part, ...words).catch(() => undefined)
      if (answer !== undefined) return answer
    }
    throw new Error('no Redis answers')
  }

  return { ask, info, askAny }
}

/** https://redis.io/docs/latest/commands/cluster-nodes/ */
function clusterGroups(nodes: string): Group[] {
  const lines = nodes
    .trim()
    .split(/\r?\n/)
    .map((line) => line.split(' '))
  const usable = lines.filter(([, , flags = '']) => !/fail|noaddr|handshake/.test(flags))
  const part = ([, address = '']: string[]) => partAt(address.split(':', 1)[0] ?? '')
  return usable
    .filter(([, , flags = '', , , , , , slots]) => flags.includes('master') && slots !== undefined)
    .map((line) => ({
      primary: part(line),
      replicas: usable.filter(([, , , masterId]) => masterId === line[0]).map(part),
      slots: line.slice(8).join(' '),
    }))
}
