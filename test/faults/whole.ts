import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../support/until.ts'

/** How often the state of all servers is read. Each look starts programs in containers, which take time from what is measured. */
const LOOK_MS = 1_500

/** Waits until every primary has its replicas. A server that does not answer is not whole. */
export const untilWhole = (isWhole: () => Promise<boolean>, patienceMs: number): Promise<boolean> =>
  until(
    'every primary has its replicas',
    async () => {
      const isSo = await isWhole().catch(() => false)
      if (!isSo) await sleep(LOOK_MS)
      return isSo
    },
    patienceMs,
  )
