import { ErrorReply } from 'redis'
import { describeAddress, type RedisOptions, type Sentinels } from './create-client.ts'
import { describe, FunctionsMissing, needsAnotherConnection, RedisUnavailable } from './errors.ts'
import { explainFailure } from './explain-failure.ts'
import type { Place } from './keep-connected.ts'
import { findPrimary, SentinelsUnavailable } from './sentinels.ts'

/** The single Redis of REDIS_URL. */
export function placeOfUrl(options: RedisOptions): Place {
  const { url } = options
  return {
    locate: async () => url,
    async throwIfPermanent(error) {
      if (needsAnotherConnection(error)) return
      const cause = (await explainFailure({ error, ...options })) ?? error
      // At maxclients, a later attempt can succeed.
      if (cause !== 'full') throw failed(describeAddress(url), cause)
    },
  }
}

/** The primary that the sentinels name. While they choose another one, they still name the old one. */
export function placeOfSentinels(options: RedisOptions & { sentinels: Sentinels }): Place {
  return {
    locate: () => findPrimary(options),
    async throwIfPermanent(error, url) {
      if (error instanceof SentinelsUnavailable) throw failed('the address that sentinels name', error)
      if (url !== undefined && isOfSettings(error)) throw failed(describeAddress(url), error)
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
