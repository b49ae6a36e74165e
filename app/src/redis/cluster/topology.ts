import type { Logger } from '../../logger.ts'
import { describe } from '../errors.ts'
import { type ClusterRedis, createMapReader, unreachable } from './map-reader.ts'
import type { Primaries } from './primaries.ts'
import { newestOf, type SlotMap } from './slot-map.ts'

/** While a primary is not connected, another server may have taken its slots. */
const LOOK_MS = 500
const SHORTEST_PAUSE_MS = 100

export type Topology = ReturnType<typeof createTopology>

/** Which primary has which slot, by what the servers say. `onChanged` is called after each look. */
export function createTopology(options: ClusterRedis, primaries: Primaries, onChanged: () => void, log: Logger) {
  let owners: SlotMap['owners'] = []
  let looking: Promise<void> | undefined
  let lookedAt = Number.NEGATIVE_INFINITY
  const readMaps = createMapReader(options, primaries)

  async function look(): Promise<void> {
    const newest = newestOf(await readMaps())
    if (!newest) throw unreachable('no server has a slot yet')
    owners = newest.owners
    const names = new Set(owners.filter((owner) => owner !== undefined))
    await primaries.follow(names)
    onChanged()
  }

  /** Asks the servers, or waits for the answers if they have been asked. */
  function refresh(): Promise<void> {
    looking ??= look().finally(() => {
      looking = undefined
      lookedAt = performance.now()
    })
    return looking
  }

  /** Asks soon, and does not wait for it. */
  function notice(): void {
    if (looking || performance.now() - lookedAt < SHORTEST_PAUSE_MS) return
    refresh().catch((error: unknown) =>
      log.error({ reason: describe(error) }, 'Failed to read the slots of the cluster'),
    )
  }

  const timer = setInterval(() => {
    if (primaries.all().some((primary) => !primary.isConnected())) notice()
  }, LOOK_MS)
  timer.unref()

  return {
    refresh,
    notice,
    ownerOf: (slot: number) => owners[slot],
    move(slot: number, owner: string): void {
      owners[slot] = owner
    },
    isComplete: () => owners.length > 0 && !owners.includes(undefined),
    stop: () => clearInterval(timer),
  }
}
