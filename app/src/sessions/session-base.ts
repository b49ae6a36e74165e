import type { Logger } from '../logger.ts'
import { redisNow } from '../redis/clock.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { createRecentSessions } from './recent-sessions.ts'
import { createRecordSeal } from './record-seal.ts'
import { createToSession } from './session-record.ts'
import { type SessionOptions, toSessionTimes } from './session-store.ts'
import { keyName } from './session-token.ts'
import { createSessionValues } from './session-values.ts'
import { createTrail } from './trail.ts'
import { createUserIndex } from './user-index.ts'

export type SessionBase = ReturnType<typeof createSessionBase>

/** What all functions of the session store use. Each part uses only those above it. */
export function createSessionBase(redis: RedisConnection, options: SessionOptions, log: Logger) {
  const { keyForm, sealKeys = [] } = options
  const times = toSessionTimes(options)
  const toSession = createToSession(redis.keys.session, times.ttlMs)
  const recent = createRecentSessions(toSession, times)
  const seal = createRecordSeal({ keys: sealKeys }, log)
  const values = createSessionValues(redis, { keyForm, seal, recent, times }, log)
  const index = createUserIndex(redis, times, log)
  const trail = createTrail(redis, times)
  /** The part of the key after `session:`. */
  const nameOf = (token: string) => keyName(keyForm, token)
  /** The time of the server that has this session. */
  const nowAt = (name: string) => redisNow(redis, redis.keys.session(name))
  return { redis, options, log, times, nameOf, nowAt, toSession, recent, values, index, trail }
}
