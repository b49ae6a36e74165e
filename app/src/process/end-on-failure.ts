import { ConfigError } from '../config.ts'
import { createLogger } from '../logger.ts'
import { FunctionsMissing, RedisUnavailable } from '../redis/errors.ts'
import { WrongServer } from '../redis/explain-failure.ts'
import { NodeDidNotStart } from './supervisor.ts'

/** Runs `start`; if that fails, says why and what to do in one line, and ends the process with 1. */
export async function endOnFailure(start: () => Promise<void>): Promise<void> {
  try {
    await start()
  } catch (error) {
    const log = createLogger({ level: 'info', node: 'start' })
    log.fatal(explain(error))
    process.exit(1)
  }
}

function explain(error: unknown): string {
  if (error instanceof ConfigError || error instanceof NodeDidNotStart) return error.message
  if (error instanceof RedisUnavailable) {
    if (error.cause instanceof FunctionsMissing) return `${error.message}.`
    return `${error.message.trim().replace(/\.$/, '')}. ${whatToDo(error)}`
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function whatToDo({ message, cause }: RedisUnavailable): string {
  if (cause instanceof WrongServer) return cause.advice
  if (/WRONGPASS|NOAUTH/.test(message))
    return 'The password is in the file that REDIS_PASSWORD_FILE names, or in REDIS_URL'
  return 'Start one (redis-server, or make up for the whole stack), or say where it is with REDIS_URL=redis://host:6379'
}
