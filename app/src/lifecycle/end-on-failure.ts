import { StartError } from '../environment.ts'
import { createLogger } from '../logger.ts'
import { FunctionsMissing, RedisUnavailable } from '../redis/errors.ts'
import { WrongServer } from '../redis/explain-failure.ts'

/** Runs `start`. If it fails, logs the reason and what to do in one line, and exits with status 1. */
export async function endOnFailure(start: () => Promise<void>): Promise<void> {
  try {
    await start()
  } catch (error) {
    createLogger({ level: 'info', node: 'start' }).fatal(explain(error))
    process.exit(1)
  }
}

function explain(error: unknown): string {
  if (error instanceof StartError) return error.message
  if (error instanceof RedisUnavailable) {
    if (error.cause instanceof FunctionsMissing) return `${error.message}.`
    return `${error.message.trim().replace(/\.$/, '')}. ${whatToDo(error)}`
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function whatToDo({ message, cause }: RedisUnavailable): string {
  if (cause instanceof WrongServer) return cause.advice
  if (/NOPERM/.test(message)) return 'Give this user the commands and channels of deploy/redis-users.acl'
  if (/WRONGPASS|NOAUTH/.test(message)) return 'Check the password, in the file of REDIS_PASSWORD_FILE or in REDIS_URL'
  if (/certificate|altnames/i.test(message)) return 'Check REDIS_CA_FILE, and that the certificate names this host'
  return 'Start Redis (redis-server, or make up for the whole stack), or set REDIS_URL=redis://host:6379'
}
