import { createClient } from 'redis'
import { appending } from './append-and-publish.ts'
import { compareAndSet } from './compare-and-set.ts'
import { deleteForeign } from './delete-foreign.ts'
import { libraryCheck } from './function-library.ts'

export interface RedisOptions {
  /** redis:// or rediss:// address; a user name in it is used, a password in it yields to `password`. */
  url: string
  password?: string | undefined
  /** How long any one call may take, in milliseconds. */
  deadlineMs: number
  /** How many values `get` may keep in this process. 0, or not given: none. */
  cacheEntries?: number
  /** The first part of every key and channel. Not given: none. */
  keyPrefix?: string
}

export type RedisClient = ReturnType<typeof createRedisClient>

export function createRedisClient({ url, password, deadlineMs, cacheEntries }: RedisOptions) {
  const address = new URL(url)
  const username = decodeURIComponent(address.username)
  const secret = password ?? decodeURIComponent(address.password)
  // Left in the URL, a user name without a password would win over the password given beside it.
  address.username = ''
  address.password = ''
  return createClient({
    url: address.href,
    ...(username === '' ? {} : { username }),
    ...(secret === '' ? {} : { password: secret }),
    // Calls of Redis functions, as client.atomic.NAME. Not node-redis's `functions`: their names here have the version in them.
    modules: { atomic: { ...compareAndSet, ...deleteForeign, ...appending, ...libraryCheck } },
    // A command for which there is no connection fails now; the user is told to come back rather than kept waiting.
    disableOfflineQueue: true,
    // Makes Redis say when what this client has read changes. What to do with it is left to us: see docs/decisions.md.
    ...(cacheEntries ? { emitInvalidate: true } : {}),
    // A timer of its own for each command, which `withDeadline` makes superfluous.
    commandOptions: { timeout: 0 },
    socket: { connectTimeout: 2 * deadlineMs, reconnectStrategy: false },
  })
}

/** Host and port only: an address can hold a password. */
export const describeAddress = (url: string) => new URL(url).host

/** The number behind the slash; 0 without one, as node-redis has it. */
export const databaseOf = (url: string) => Number(new URL(url).pathname.slice(1))
