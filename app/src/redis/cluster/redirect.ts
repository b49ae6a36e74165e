import type { RedisClient } from '../create-client.ts'

export interface Redirect {
  /** The slot moved for good. Otherwise only this key did, and its slot is still on the way. */
  isMoved: boolean
  slot: number
  /** `host:port`. Without a host, that of the server that was asked. */
  owner: string
}

/**
 * Parses the error of a command that belongs to another server. That command was not executed, so to send it there is safe,
 * whatever it is. https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#redirection-and-resharding
 */
export function redirectOf(error: unknown): Redirect | undefined {
  const message = error instanceof Error ? error.message : ''
  const [, kind, slot, owner = ''] = /^(MOVED|ASK) (\d+) (\S+:\d+)$/.exec(message) ?? []
  return kind === undefined ? undefined : { isMoved: kind === 'MOVED', slot: Number(slot), owner }
}

/** The same client, which sends ASKING before each command: the server then serves keys of a slot that it does not own yet. */
export const asking = (client: RedisClient): RedisClient =>
  askingFor(client, () => void client.sendCommand(['ASKING']).catch(() => {}))

function askingFor<T extends object>(target: T, ask: () => void): T {
  return new Proxy(target, {
    get(object, property) {
      // Of a type that is not checked: the proxy passes on whatever the client has.
      const value: unknown = Reflect.get(object, property)
      // The functions, which are also commands.
      if (property === 'atomic' && value instanceof Object) return askingFor(value, ask)
      if (typeof value !== 'function') return value
      return (...words: unknown[]) => {
        // Both are written before anything else of this process: nothing comes in between.
        ask()
        return Reflect.apply(value, object, words)
      }
    },
  })
}
