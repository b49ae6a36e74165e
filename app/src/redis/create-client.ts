import { RedisClient as NodeRedisClient } from '@redis/client'
import type { Address } from '../redis-servers.ts'
import { atomic } from './atomic.ts'

export interface Sentinels {
  addresses: readonly Address[]
  /** The name under which the sentinels know the primary. */
  primary: string
  /** The account on the sentinels. Without a password, the node sends none. */
  username?: string | undefined
  password?: string | undefined
}

/** Which Redis: the single one at `url`, or the one that `sentinels` name, or a `cluster`. */
export interface RedisOptions {
  /**
   * redis:// or rediss:// address of the single Redis. Its user name and password are used if `username` and `password` are
   * not given. With `sentinels` or `cluster` it has no effect.
   */
  url: string
  sentinels?: Sentinels | undefined
  /** Some servers of a cluster. The node learns of the others from them. */
  cluster?: readonly Address[] | undefined
  username?: string | undefined
  password?: string | undefined
  /** Whether servers and sentinels speak TLS. A single Redis does if its `url` begins with rediss://. */
  tls?: boolean
  /** The certificate of the authority that signed those of the servers, as PEM. Default: the authorities of Node. */
  ca?: string | undefined
  /** How long a call may take, in milliseconds. */
  deadlineMs: number
  /** How many replicas must have a rare write before it counts as done: see replicated-writes.ts. Default: 0. */
  replicas?: number
  /** How many values `get` keeps in this process at most. Default: 0. */
  cacheEntries?: number
  /** The first part of every key and channel. Default: ''. */
  keyPrefix?: string
}

export type RedisClient = ReturnType<typeof createRedisClient>

/**
 * Makes a client of node-redis, with the functions of this application. node-redis makes a class with all commands of Redis for each
 * configuration, and its `createClient` makes one for each client: many milliseconds of processor time. A node without Redis makes
 * several clients a second, so they share one class.
 */
// Not node-redis's `functions`: the names of these functions contain their version.
export const createNodeRedisClient = NodeRedisClient.factory({ modules: { atomic } })

/** A client of one server, at `url`. It is not connected yet. */
export function createRedisClient(options: RedisOptions) {
  const { url, username, password, ca, deadlineMs, cacheEntries } = options
  const address = new URL(url)
  const user = username ?? decodeURIComponent(address.username)
  const secret = password ?? decodeURIComponent(address.password)
  // A user name without a password in the URL would take precedence over `password`.
  address.username = ''
  address.password = ''
  return createNodeRedisClient({
    url: address.href,
    ...(user === '' ? {} : { username: user }),
    ...(secret === '' ? {} : { password: secret }),
    // A command without a connection fails at once, so the user does not wait for a response.
    disableOfflineQueue: true,
    // Redis then reports changes of the keys that this client has read. Why not clientSideCache: docs/decisions.md.
    ...(cacheEntries ? { emitInvalidate: true } : {}),
    // node-redis's timer for each command is not needed: see withDeadline.
    commandOptions: { timeout: 0 },
    socket: {
      connectTimeout: 2 * deadlineMs,
      reconnectStrategy: false,
      ...(ca !== undefined && address.protocol === 'rediss:' ? { tls: true, ca } : {}),
    },
  })
}

interface Destroyable {
  destroy(): void
  on(event: 'connect', listener: () => void): unknown
}

/** Closes a client that may still be connecting. By itself it would then open its connection, and keep it open. */
export function discard(client: Destroyable): void {
  client.destroy()
  client.on('connect', () => client.destroy())
}

/** The address of one server of a cluster, or of the primary that the sentinels name. */
export function urlOf({ host, port }: Address, { tls = false }: Pick<RedisOptions, 'tls'>): string {
  const name = host.includes(':') ? `[${host}]` : host
  return `${tls ? 'rediss' : 'redis'}://${name}:${port}`
}

/** Host and port only: an address can hold a password. */
export const describeAddress = (url: string) => new URL(url).host

/** The number after the slash. Without one 0, as in node-redis. */
export const databaseOf = (url: string) => Number(new URL(url).pathname.slice(1))
