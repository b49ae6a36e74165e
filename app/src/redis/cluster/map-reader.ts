import type { Address } from '../../redis-servers.ts'
import { createRedisClient, discard, type RedisOptions, urlOf } from '../create-client.ts'
import { withDeadline } from '../deadline.ts'
import { describe, RedisUnavailable } from '../errors.ts'
import { WrongServer } from '../explain-failure.ts'
import type { Primaries } from './primaries.ts'
import { addressOf, nameOf, newestOf, readSlotMap, type SlotMap } from './slot-map.ts'

export type ClusterRedis = RedisOptions & { cluster: readonly Address[] }

/** Asks the known primaries for their slot maps, and the configured servers if no map of these is whole. */
export function createMapReader(options: ClusterRedis, primaries: Primaries) {
  async function readMaps(): Promise<SlotMap[]> {
    const asked = primaries.names().map((name) => {
      const { host } = addressOf(name)
      return primaries.get(name).run('', (client) => readSlotMap(client, host))
    })
    const maps = fulfilled(await Promise.allSettled(asked))
    return newestOf(maps)?.isWhole ? maps : [...maps, ...(await readFromSeeds())]
  }

  /** @throws {RedisUnavailable} if none of the configured servers answers */
  async function readFromSeeds(): Promise<SlotMap[]> {
    const asked = await Promise.allSettled(options.cluster.map((seed) => askSeed(seed, options)))
    const maps = fulfilled(asked)
    if (maps.length > 0) return maps
    const reasons = asked.map((one, place) => {
      const seed = options.cluster[place]
      return `${seed && nameOf(seed)}: ${one.status === 'rejected' ? describe(one.reason) : ''}`
    })
    throw unreachable(reasons.join(', '))
  }

  return readMaps
}

async function askSeed(seed: Address, options: ClusterRedis): Promise<SlotMap> {
  const client = createRedisClient({ ...options, url: urlOf(seed, options), cacheEntries: 0 })
  client.on('error', () => {})
  try {
    const asking = async () => {
      await client.connect()
      return readSlotMap(client, seed.host)
    }
    return await withDeadline(asking(), 2 * options.deadlineMs)
  } finally {
    discard(client)
  }
}

export function unreachable(reasons: string): RedisUnavailable {
  const advice = /cluster support disabled/.test(reasons)
    ? 'That Redis is not part of a cluster. Set REDIS_URL instead of REDIS_CLUSTER'
    : 'Check REDIS_CLUSTER, and that the servers run and have their slots'
  // endOnFailure has the advice for these.
  const isKnown = /WRONGPASS|NOAUTH|NOPERM|certificate|altnames/i.test(reasons)
  const cause = isKnown ? undefined : new WrongServer(reasons, advice)
  return new RedisUnavailable(`Failed to connect to the Redis cluster: ${reasons}`, { cause })
}

const fulfilled = <T>(settled: readonly PromiseSettledResult<T>[]): T[] =>
  settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
