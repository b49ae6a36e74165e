import type { Logger } from '../logger.ts'
import { foreignKey } from './errors.ts'

/** Logs that another program uses a key of this stack: once, however often it is found, until it is gone again. */
export function createForeignKeyLog(key: string, log: Logger) {
  let isLogged = false
  return {
    found(): void {
      if (!isLogged) log.error(foreignKey(key).message)
      isLogged = true
    },
    gone(): void {
      isLogged = false
    },
  }
}
