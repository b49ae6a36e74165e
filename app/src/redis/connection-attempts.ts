import { longestBackoffMs, retry } from './backoff.ts'
import type { ConnectionLog } from './connection-log.ts'
import type { RedisClient, RedisOptions } from './create-client.ts'
import { type OpenClient, openClient, type Subscriber } from './open-client.ts'

interface Parts {
  options: RedisOptions
  /** Returns the address of the server for the next connection. */
  locate: () => Promise<string>
  subscribers: ReadonlyMap<string, Subscriber>
  /** Aborted when the attempts must end. */
  ended: AbortSignal
  connectionLog: ConnectionLog
}

/** The attempts to open one lasting connection. Each first asks where the server is. */
export function createConnectionAttempts({ options, locate, subscribers, ended, connectionLog }: Parts) {
  let hurrying = new AbortController()
  let url: string | undefined

  function noteFailure(error: unknown): void {
    connectionLog.failed(error, url)
  }

  return {
    /** The address that the last attempt used, if it was found. */
    url: () => url,

    async openClient(onTerminated: (client: RedisClient, reason: unknown) => void): Promise<OpenClient> {
      const { signal } = hurrying
      url = undefined
      url = await locate()
      return openClient({ ...options, url }, subscribers, { signal, onTerminated })
    },

    noteFailure,

    repeat: (attempt: () => Promise<void>, firstPauseMs: number) =>
      retry({
        attempt,
        onFailure: noteFailure,
        firstPauseMs,
        longestPauseMs: longestBackoffMs(options),
        ended,
        hurried: () => hurrying.signal,
      }),

    /** Ends the attempt or the pause under way. */
    hurry(): void {
      hurrying.abort()
      hurrying = new AbortController()
    },
  }
}
