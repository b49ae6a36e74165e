import type { Logger } from '../../logger.ts'
import { type RedisOptions, urlOf } from '../create-client.ts'
import { describe, RedisDisconnected } from '../errors.ts'
import { failed, isOfSettings } from '../places.ts'
import { connectPrimary, type Primary } from '../primary.ts'
import { addressOf } from './slot-map.ts'

export type Primaries = ReturnType<typeof createPrimaries>

/** The connections to all primaries of a cluster, by `host:port`. */
export function createPrimaries(options: RedisOptions, log: Logger) {
  const opened = new Map<string, Primary>()
  const opening = new Map<string, Promise<Primary>>()
  let isClosed = false

  async function open(name: string): Promise<Primary> {
    const primary = await connectTo(name, options, log)
    opened.set(name, primary)
    return primary
  }

  /** Connects to a primary, unless it is connected. Resolves after the first attempt. */
  function ensure(name: string): Promise<Primary> {
    if (isClosed) return Promise.reject(new RedisDisconnected('the connections to the cluster are closed'))
    const known = opening.get(name)
    if (known) return known
    const started = open(name)
    opening.set(name, started)
    // Otherwise the next one who needs it tries again.
    started.catch(() => opening.delete(name))
    return started
  }

  return {
    ensure,

    find: (name: string | undefined) => (name === undefined ? undefined : opened.get(name)),

    /** @throws {RedisDisconnected} */
    get(name: string | undefined): Primary {
      const primary = name === undefined ? undefined : opened.get(name)
      if (primary) return primary
      throw new RedisDisconnected(`no connection to Redis: ${name ?? 'no server has this slot'}`)
    },

    all: () => [...opened.values()],
    names: () => [...opened.keys()],

    /** Connects to these, and closes the connections to all others. */
    async follow(names: ReadonlySet<string>): Promise<void> {
      for (const [name, primary] of opened) {
        if (names.has(name)) continue
        opened.delete(name)
        opening.delete(name)
        void primary.close()
      }
      await Promise.all([...names].map(ensure))
    },

    async close(): Promise<void> {
      isClosed = true
      const ending = [...opening.values()]
      opening.clear()
      opened.clear()
      await Promise.all(ending.map((one) => one.then((primary) => primary.close()).catch((error) => describe(error))))
    },
  }
}

/** @throws {RedisUnavailable} when the first attempt fails for a permanent reason */
function connectTo(name: string, options: RedisOptions, log: Logger): Promise<Primary> {
  const url = urlOf(addressOf(name), options)
  const place = {
    locate: async () => url,
    async throwIfPermanent(error: unknown) {
      if (isOfSettings(error)) throw failed(name, error)
      return undefined
    },
  }
  return connectPrimary({ ...options, url }, place, log)
}
