import type { Logger } from '../logger.ts'
import { longestBackoffMs } from './backoff.ts'
import { createConnectionAttempts } from './connection-attempts.ts'
import { createConnectionLog } from './connection-log.ts'
import type { RedisOptions } from './create-client.ts'
import { withDeadline } from './deadline.ts'
import { needsAnotherConnection } from './errors.ts'
import type { OpenClient, Subscriber } from './open-client.ts'

export interface Place {
  /** Returns the address of the server for the next connection. */
  locate(): Promise<string>
  /**
   * Called when the first attempt has failed, with the address if it was found. Returns 'late' if the server was too slow, so the
   * next attempt may show what is wrong.
   * @throws {RedisUnavailable} if no later attempt can succeed: a process that has never reached Redis should report it and exit
   */
  throwIfPermanent(error: unknown, url: string | undefined): Promise<'late' | undefined>
}

/** A process that starts is slow, and so are others that start with it: one missed deadline shows no wrong setting. */
export const FIRST_ATTEMPTS = 5

export type KeptConnection = Awaited<ReturnType<typeof keepConnected>>

/**
 * Keeps one connection to Redis. A lost connection is replaced, with backoff, as long as the process runs.
 *
 * A client lives as long as its one connection and is then replaced. A client that reconnects by itself can stay "ready" on
 * a server that does not answer (redis/node-redis#2667, #3346). The connection is also replaced when the server becomes a
 * replica: after a failover another server may have its name, or the sentinels name another one.
 * @throws what `throwIfPermanent` throws. If Redis runs and cannot serve yet (at maxclients, loading, a replica, too slow), this
 * resolves and retries.
 */
export async function keepConnected(
  options: RedisOptions,
  { locate, throwIfPermanent }: Place,
  subscribers: ReadonlyMap<string, Subscriber>,
  log: Logger,
) {
  const longestPauseMs = longestBackoffMs(options)
  const closing = new AbortController()
  const connectionLog = createConnectionLog(log)
  const attempts = createConnectionAttempts({ options, locate, subscribers, ended: closing.signal, connectionLog })
  let current: OpenClient | undefined

  async function open(): Promise<void> {
    const opened = await attempts.openClient((client, reason) => {
      if (current?.client === client) replace(current, reason)
    })
    if (closing.signal.aborted) return opened.client.destroy()
    current = opened
    connectionLog.connected(opened)
    for (const { onSubscribed } of subscribers.values()) onSubscribed()
  }

  /** Closes this connection and opens another. If it is not the current one, only closes it. */
  function replace(used: OpenClient, reason: unknown): void {
    used.client.destroy()
    if (current !== used) return
    current = undefined
    connectionLog.lost(reason)
    void attempts.repeat(open, isUseless(used, reason) ? longestPauseMs : 0)
  }

  async function openFirst(attemptsLeft = FIRST_ATTEMPTS): Promise<void> {
    try {
      await open()
    } catch (error) {
      const isLate = (await throwIfPermanent(error, attempts.url())) === 'late'
      if (isLate && attemptsLeft > 1) return openFirst(attemptsLeft - 1)
      attempts.noteFailure(error)
      void attempts.repeat(open, longestPauseMs)
    }
  }
  await openFirst()

  return {
    /** The connection, if there is one. */
    current: () => current,
    /** Why there is none. */
    failure: connectionLog.failure,
    replace,
    /**
     * Another server may be the primary now: ends the attempt or the pause under way, and the connection. A connection to the
     * server at `address` stays: each sentinel reports the same switch.
     */
    relocate(reason: Error, address?: string): void {
      if (current && current.address === address) return
      attempts.hurry()
      if (current) replace(current, reason)
    },
    async close(): Promise<void> {
      closing.abort()
      attempts.hurry()
      const { client } = current ?? {}
      current = undefined
      if (!client) return
      await withDeadline(client.close(), options.deadlineMs).catch(() => client.destroy())
      connectionLog.closed()
    },
  }
}

const SHORT_LIFE_MS = 1_000

/** A proxy may report the role of a primary in front of a replica. Each connection then fails at its first write. */
const isUseless = ({ openedAt }: OpenClient, reason: unknown) =>
  needsAnotherConnection(reason) && performance.now() - openedAt < SHORT_LIFE_MS
