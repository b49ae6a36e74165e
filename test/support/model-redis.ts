// A Redis for the model: the commands that sessions need, in the model's order, and with the model's clock.
import type { RedisConnection } from 'app/redis/connection'
import { createRedisClient } from 'app/redis/create-client'
import { createKeyNames } from 'app/redis/key-names'

/** A rule of the store that the model breaks, to show that it detects it. */
export type BrokenRule =
  | 'a replaced token is deleted at the first use of the new one'
  | 'a replaced token is deleted after the grace period, even if the new one is unused'
  | 'a replaced token is never retired'
  | 'a write does not check the value that it replaces'

export interface ModelRedis {
  /** A connection whose commands wait for `step`. */
  connect(node: string): RedisConnection
  /** The waiting command of this node, if any. */
  waiting(node: string): string | undefined
  /** Runs the command that has waited longest, and describes it with its reply. */
  step(node: string): string
  /** The node crashes: its commands never run. */
  drop(node: string): void
  passTime(ms: number): void
  now(): number
  /** All its data. */
  dump(): string
}

interface Entry {
  value: string
  expiresAt: number
}

const START_MS = Date.UTC(2030, 0, 1)
/** These commands do not decide whether a session is live, so their order does not matter. Time stands still meanwhile. */
const AT_ONCE = new Set(['time', 'addToIndex', 'zRem', 'pExpireTime'])

/** Provides the type of a client. Creating one takes a millisecond. */
const unconnected = createRedisClient({ url: 'redis://nowhere', deadlineMs: 500 })

/** The effect of each command at the time `now`, as Redis documents it. A test compares them with a real Redis. */
export function createCommands(
  now: () => number,
  { broken, graceMs = 0 }: { broken?: BrokenRule; graceMs?: number } = {},
) {
  const entries = new Map<string, Entry>()
  const find = (key: unknown) => {
    const entry = entries.get(String(key))
    if (entry && entry.expiresAt <= now()) entries.delete(String(key))
    return entries.get(String(key))
  }
  const isUnchanged = (key: unknown, value: unknown) =>
    find(key)?.value === value || broken === 'a write does not check the value that it replaces'
  const commands: Record<string, (...words: unknown[]) => unknown> = {
    time: () => [String(Math.floor(now() / 1000)), String((now() % 1000) * 1000)],
    get: (key) => find(key)?.value ?? null,
    takeSession(key) {
      const value = find(key)?.value ?? null
      if (!value?.startsWith('{"replacedBy":')) entries.delete(String(key))
      return value
    },
    pExpireTime: (key) => find(key)?.expiresAt ?? -2,
    set(key, value, options) {
      entries.set(String(key), { value: String(value), expiresAt: Object(options).expiration.value })
      return 'OK'
    },
    setIfUnchanged(key, value, next, ttlMs) {
      if (!isUnchanged(key, value)) return false
      const isRetired = String(next).includes('"retiredAt"')
      const isPointer = String(next).includes('"replacedBy"')
      if (isRetired && broken === 'a replaced token is never retired') return true
      if (isRetired && broken === 'a replaced token is deleted at the first use of the new one')
        return entries.delete(String(key))
      const isShort =
        isPointer && broken === 'a replaced token is deleted after the grace period, even if the new one is unused'
      entries.set(String(key), { value: String(next), expiresAt: now() + (isShort ? graceMs : Number(ttlMs)) })
      return true
    },
    expireIfUnchanged(key, value, times) {
      const entry = find(key)
      if (!entry || !isUnchanged(key, value)) return null
      const { ttlMs, renewMs, latestEndMs } = Object(times)
      const endsMs = Math.min(now() + ttlMs, latestEndMs)
      if (endsMs - entry.expiresAt < renewMs && endsMs !== latestEndMs) return { nowMs: now(), endsMs: entry.expiresAt }
      if (
        broken !== 'a replaced token is deleted after the grace period, even if the new one is unused' ||
        !entry.value.includes('"replacedBy"')
      )
        entry.expiresAt = endsMs
      return { nowMs: now(), endsMs }
    },
    addToIndex: () => ({ size: 1, wasForeign: false }),
    zRem: () => 1,
  }
  return { commands, entries }
}

export function createModelRedis(given: { broken?: BrokenRule; graceMs?: number }): ModelRedis {
  let nowMs = START_MS
  const { commands, entries } = createCommands(() => nowMs, given)
  const queues = new Map<string, { name: string; words: unknown[]; answer: (reply: unknown) => void }[]>()
  const queueOf = (node: string) => {
    const queue = queues.get(node) ?? []
    queues.set(node, queue)
    return queue
  }

  return {
    connect(node) {
      const client: typeof unconnected = new Proxy(unconnected, {
        get(target, property, proxy) {
          const name = String(property)
          // The functions, which are also commands.
          if (name === 'atomic') return proxy
          const command = commands[name]
          // Any other command fails, because there is no connection.
          if (!command) return Reflect.get(target, property)
          if (AT_ONCE.has(name)) return async (...words: unknown[]) => command(...words)
          return (...words: unknown[]) => new Promise((answer) => queueOf(node).push({ name, words, answer }))
        },
      })
      return {
        keys: createKeyNames({ prefix: '', database: 0 }),
        isOrdered: true,
        run: (_key, send) => send(client),
        write: (_key, send) => send(client),
        undo: (_key, send) => send(client),
        async settle() {},
        isLacking: () => false,
        get: (key) => client.get(key),
        forget() {},
        async subscribe() {},
        whyNotReady: async () => undefined,
        primaries: () => [],
        warnings: () => [],
        async close() {},
      }
    },
    waiting: (node) => queueOf(node)[0]?.name,
    step(node) {
      const next = queueOf(node).shift()
      const reply = next && commands[next.name]?.(...next.words)
      next?.answer(reply)
      return JSON.stringify([next?.name, next?.words, reply])
    },
    drop: (node) => void queues.delete(node),
    passTime(ms) {
      nowMs += ms
    },
    now: () => nowMs,
    dump: () => JSON.stringify([nowMs, [...entries].sort(([a], [b]) => (a < b ? -1 : 1))]),
  }
}
