import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../logger.ts'
import { describeAddress, type RedisOptions } from './create-client.ts'
import { withDeadline } from './deadline.ts'
import { describe, needsAnotherConnection, RedisUnavailable } from './errors.ts'
import { explainFailure } from './explain-failure.ts'
import type { MemoryPolicy } from './inspect-server.ts'
import { type OpenClient, openClient, type Subscriber } from './open-client.ts'

export interface Link {
  /** The connection that there is, if any. */
  current(): OpenClient | undefined
  /** Why there is none. */
  failure(): string
  /** Closes this connection and opens another. Does nothing if it is not the current one any more. */
  replace(used: OpenClient, reason: unknown): void
  close(): Promise<void>
}

/** With an attempt that was under way, a Redis that is back is found within two seconds. */
const LONGEST_BACKOFF_MS = 1_000

/**
 * Keeps one connection to Redis. A lost connection is replaced, with backoff, as long as the process runs.
 *
 * A client here lives as long as its one connection. Reconnecting is done by replacing it, because a client that
 * reconnects by itself can stay "ready" on a server that does not answer (redis/node-redis#2667, #3346). The connection is
 * also replaced when the server becomes a replica: after a failover another server may have its name.
 * @throws {RedisUnavailable} when the first attempt fails: a process that has never seen Redis should say so and end.
 * But not when Redis is there and cannot serve yet (no room for another client, loading, a replica): then it resolves, and
 * goes on trying.
 */
export async function keepConnected(
  options: RedisOptions,
  subscribers: ReadonlyMap<string, Subscriber>,
  log: Logger,
): Promise<Link> {
  const redis = describeAddress(options.url)
  const closing = new AbortController()
  const logPolicy = createPolicyLog(log)
  let current: OpenClient | undefined
  let failure = 'not connected yet'

  async function open(): Promise<void> {
    const opened = await openClient(options, subscribers, (client, reason) => {
      if (current?.client === client) replace(current, reason)
    })
    if (closing.signal.aborted) return opened.client.destroy()
    current = opened
    log.info({ redis }, 'Redis connected successfully')
    logPolicy(opened.memory)
    for (const { onSubscribed } of subscribers.values()) onSubscribed()
  }

  function replace(used: OpenClient, reason: unknown): void {
    used.client.destroy()
    if (current !== used) return
    current = undefined
    failure = describe(reason)
    log.error({ reason: failure }, 'Redis connection lost')
    // A proxy may report the role of a primary in front of a replica. Each connection then fails at its first write.
    const isUseless = needsAnotherConnection(reason) && performance.now() - used.openedAt < LONGEST_BACKOFF_MS
    void reconnect(isUseless ? LONGEST_BACKOFF_MS : 0)
  }

  async function reconnect(pauseMs: number): Promise<void> {
    await pause(pauseMs, closing.signal)
    for (let attempt = 0; !closing.signal.aborted; attempt++) {
      try {
        return await open()
      } catch (error) {
        noteFailure(error)
      }
      await pause(Math.min(LONGEST_BACKOFF_MS, 50 * 2 ** attempt), closing.signal)
    }
  }

  function noteFailure(error: unknown): void {
    failure = describe(error)
    log.error({ reason: failure, redis }, 'Failed to connect to Redis')
  }

  try {
    await open()
  } catch (error) {
    if (!needsAnotherConnection(error)) {
      const found = await explainFailure({ error, ...options })
      const cause = found ?? error
      if (cause !== 'full')
        throw new RedisUnavailable(`Failed to connect to Redis at ${redis}: ${describe(cause)}`, { cause })
    }
    noteFailure(error)
    void reconnect(LONGEST_BACKOFF_MS)
  }

  return {
    current: () => current,
    failure: () => failure,
    replace,
    async close() {
      closing.abort()
      const { client } = current ?? {}
      current = undefined
      if (!client) return
      await withDeadline(client.close(), options.deadlineMs).catch(() => client.destroy())
      log.info('Redis connection closed')
    },
  }
}

/** Half of the wait is chance, so that the nodes do not all come back in the same instant. */
async function pause(longestMs: number, signal: AbortSignal): Promise<void> {
  if (longestMs === 0) return
  await sleep(longestMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {})
}

/** Logs the warning about the policy when it changes, not with every connection. */
function createPolicyLog(log: Logger) {
  let logged: string | undefined
  return ({ policy, warning }: MemoryPolicy) => {
    const text =
      warning ?? (policy === undefined ? 'maxmemory-policy is unknown: this user may not send INFO' : undefined)
    if (text !== undefined && text !== logged) log[warning === undefined ? 'debug' : 'warn'](text)
    logged = text
  }
}
