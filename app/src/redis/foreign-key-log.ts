import type { Logger } from '../logger.ts'
import { foreignKey } from './errors.ts'

/** Says that another program has a key of ours: once, however often it is found, until it is gone again. */
export function createForeignKeyLog(key: string, log: Logger) {
  let isSaid = false
  return {
    found(): void {
      if (!isSaid) log.error(foreignKey(key).message)
      isSaid = true
    },
    gone(): void {
      isSaid = false
    },
  }
}
