import { MultiErrorReply } from 'redis'

/** Redis could not do what was asked: out of reach, too slow, or refusing. The cause says which. */
export class RedisUnavailable extends Error {
  override readonly name: string = 'RedisUnavailable'
}

/** There is no connection, so Redis was not even asked. Another node may have one. */
export class RedisDisconnected extends RedisUnavailable {
  override readonly name = 'RedisDisconnected'
}

/** A key holds data that this application did not write: another type, or text where a count is expected. */
export class RedisWrongType extends RedisUnavailable {
  override readonly name = 'RedisWrongType'
}

/** A key that the whole stack shares holds data of another program. That program may need it, so it is not replaced. */
export class ForeignKey extends RedisUnavailable {
  override readonly name = 'ForeignKey'
}

/** The server is a replica. It rejects writes, or loses them with the next synchronisation. */
export class RedisIsReplica extends Error {
  override readonly name = 'RedisIsReplica'
}

/** The functions of the application are not in Redis, and cannot be loaded. The message says what to do. */
export class FunctionsMissing extends Error {
  override readonly name = 'FunctionsMissing'
}

/** Redis 6 puts the code of an error inside a script behind "Error running script". */
const WRONG_TYPE = /\bWRONGTYPE\b|value is not an integer/
/** A replica rejects a write; a replica has lost its primary; Redis is still loading its data; it was replaced by an empty one. */
const CANNOT_SERVE = /\b(READONLY|MASTERDOWN|LOADING|Function not found)\b/

/** The error of a command as the rest of the application knows it. */
export function toRedisError(error: unknown): RedisUnavailable {
  const reason = describe(error)
  if (WRONG_TYPE.test(reason)) return new RedisWrongType(reason, { cause: error })
  return new RedisUnavailable(reason, { cause: error })
}

/** Whether this server cannot serve. After a failover another server may have the same name. */
export const needsAnotherConnection = (error: unknown) =>
  error instanceof RedisIsReplica || CANNOT_SERVE.test(describe(error))

/** Waits for `work`. If the key holds data of another type, the result is that of `instead`. */
export async function ifWrongType<T>(work: Promise<T>, instead: () => T | Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof RedisWrongType) return instead()
    throw error
  }
}

export const foreignKey = (key: string) =>
  new ForeignKey(`The Redis key "${key}" holds data of another program. Set KEY_PREFIX to get keys of your own`)

export function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'the connection was closed'
  // ECONNREFUSED on both ::1 and 127.0.0.1 arrives as an AggregateError with an empty message.
  if (error instanceof AggregateError) return error.errors.map(describe).join(', ')
  if (error instanceof MultiErrorReply) return [...error.errors()].map(describe).join(', ')
  return error.message || error.name
}
