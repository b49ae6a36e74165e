import type { Address } from '../../redis-servers.ts'
import type { RedisClient } from '../create-client.ts'
import { SLOTS } from './key-slot.ts'

/** What one server says of its cluster. */
export interface SlotMap {
  /** By slot, the `host:port` of its primary. */
  owners: (string | undefined)[]
  /** Whether this server is in contact with the majority of the cluster. */
  isWhole: boolean
  /** Higher after each failover that this server knows of. */
  epoch: number
}

export const nameOf = ({ host, port }: Address) => `${host}:${port}`

export function addressOf(name: string): Address {
  const colon = name.lastIndexOf(':')
  return { host: name.slice(0, colon), port: Number(name.slice(colon + 1)) }
}

/** `host` is that of the server that is asked: it may leave out its own. */
export async function readSlotMap(client: RedisClient, host: string): Promise<SlotMap> {
  const [info, ranges] = await Promise.all([client.clusterInfo(), client.clusterSlots()])
  const owners: SlotMap['owners'] = Array.from({ length: SLOTS })
  for (const { from, to, master } of ranges) {
    const name = nameOf({ host: master.host || host, port: master.port })
    owners.fill(name, from, to + 1)
  }
  return {
    owners,
    isWhole: /^cluster_state:ok\r?$/m.test(info),
    epoch: Number(/^cluster_current_epoch:(\d+)/m.exec(info)?.[1] ?? 0),
  }
}

/** The map to follow: a server that was cut off from the majority may have an old one. */
export function newestOf(maps: readonly SlotMap[]): SlotMap | undefined {
  const whole = maps.filter(({ isWhole }) => isWhole)
  const [newest] = (whole.length > 0 ? whole : [...maps]).sort((a, b) => b.epoch - a.epoch)
  return newest?.owners.some((owner) => owner !== undefined) ? newest : undefined
}
