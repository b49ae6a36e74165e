import type { Logger } from '../logger.ts'
import { describeAddress } from './create-client.ts'
import { describe } from './errors.ts'
import type { MemoryPolicy } from './inspect-server.ts'
import type { OpenClient } from './open-client.ts'

export type ConnectionLog = ReturnType<typeof createConnectionLog>

/** Logs what becomes of one lasting connection, and remembers why there is none. */
export function createConnectionLog(log: Logger) {
  const logPolicy = createPolicyLog(log)
  let failure = 'not connected yet'

  return {
    failure: () => failure,

    connected({ address, memory }: OpenClient): void {
      log.info({ redis: address }, 'Redis connected successfully')
      logPolicy(memory)
    },

    lost(reason: unknown): void {
      failure = describe(reason)
      log.error({ reason: failure }, 'Redis connection lost')
    },

    /** `url`: that of the server, if it was found. */
    failed(error: unknown, url: string | undefined): void {
      failure = describe(error)
      log.error({ reason: failure, redis: url && describeAddress(url) }, 'Failed to connect to Redis')
    },

    closed: () => log.info('Redis connection closed'),
  }
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
