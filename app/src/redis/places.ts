import { setTimeout as sleep } from 'node:timers/promises'
import { ErrorReply } from '@redis/client'
import { describeAddress, type RedisOptions, type Sentinels } from './create-client.ts'
import { describe, FunctionsMissing, needsAnotherConnection, RedisUnavailable } from './errors.ts'
import { explainFailure } from './explain-failure.ts'
import { FIRST_ATTEMPTS, type Place } from './keep-connected.ts'
import { findPrimary, SentinelsUnavailable } from './sentinels.ts'

/** The single Redis of REDIS_URL. */
export function placeOfUrl(options: RedisOptions): Place {
  const { url } = options
  return {
    locate: async () => url,
    async throwIfPermanent(error) {
      if (needsAnotherConnection(error)) return undefined
      const cause = (await explainFailure({ error, ...options })) ?? error
      // At maxclients, a later attempt can succeed.
      if (cause === 'full') return undefined
      if (cause === 'late') return cause
      throw failed(describeAddress(url), cause)
    },
  }
}

/** The primary that the sentinels name. While they choose another one, they still name the old one. */
export function placeOfSentinels(options: RedisOptions & { sentinels: Sentinels }): Place {
  let attemptsLeft = FIRST_ATTEMPTS
  let wasFound = false

  async function locate(): Promise<string> {
    try {
      const url = await findPrimary(options)
      attemptsLeft = 0
      wasFound = true
      return url
    } catch (error) {
      if (!(error instanceof SentinelsUnavailable) || --attemptsLeft <= 0) throw error
      await sleep(options.deadlineMs / 2)
      return locate()
    }
  }

  return {
    locate,
    async throwIfPermanent(error, url) {
      // Sentinels that have answered once have the right settings: they may be silent for a moment, or replace the primary.
      if (error instanceof SentinelsUnavailable && !wasFound) throw failed('the address that sentinels name', error)
      if (url !== undefined && isOfSettings(error)) throw failed(describeAddress(url), error)
      return undefined
    },
  }
}

/** Whether only other settings help: a wrong password, missing functions, a certificate that is not accepted. */
export const isOfSettings = (error: unknown) =>
  error instanceof FunctionsMissing ||
  (error instanceof ErrorReply && /^(WRONGPASS|NOAUTH|NOPERM)\b/.test(error.message)) ||
  /certificate|altnames/i.test(describe(error))

export const failed = (redis: string, cause: unknown) =>
  new RedisUnavailable(`Failed to connect to Redis at ${redis}: ${describe(cause)}`, { cause })
