import type { SessionStore } from 'app/sessions/session-store'
import { createModelRedis } from './model-redis.ts'
import { GRACE_MS, GRACE_SECONDS, type Scenario, ttlSecondsOf } from './rotation-scenario.ts'
import { storeOn } from './stores.ts'

export type RotationNodes = ReturnType<typeof createRotationNodes>

/** Nodes with the real session store, one for each client, on a Redis that runs one command at a time. */
export function createRotationNodes(scenario: Scenario) {
  const { broken } = scenario
  const isReuseIgnored = broken === 'a reused token has no consequence'
  const redis = createModelRedis({ graceMs: GRACE_MS, ...(broken && !isReuseIgnored && { broken }) })
  const options = {
    ttlSeconds: ttlSecondsOf(scenario),
    absoluteSeconds: 1_000_000,
    rotateSeconds: GRACE_SECONDS,
    rotateGraceSeconds: GRACE_SECONDS,
    renewSeconds: scenario.remembers ? 1_000 : 0,
  }
  const stores = new Map<string, SessionStore>()
  const storeOf = (node: string) => {
    const store = stores.get(node) ?? storeOn(redis.connect(node), options)
    stores.set(node, store)
    return store
  }

  return {
    redis,

    /** Like require-session.ts. */
    async ask(node: string, token: string) {
      const store = storeOf(node)
      const session = await store.getSession(token)
      if (session) {
        const rotation = session.isRotationDue ? await store.rotateSession(token) : undefined
        return { isHonoured: true, next: rotation?.token }
      }
      if (!isReuseIgnored) await store.endReused(token)
      return { isHonoured: false }
    },

    logOut: (node: string, token: string) =>
      storeOf(node)
        .deleteSession(token)
        .then(() => 'logged out' as const),

    /** Its commands never run, and its next store knows nothing. */
    crash(node: string): void {
      redis.drop(node)
      stores.delete(node)
    },

    /** Without other events in between. */
    async settle<T>(node: string, act: (store: SessionStore) => Promise<T>): Promise<T> {
      const acting = act(storeOf(node))
      let isDone = false
      const ending = acting.finally(() => {
        isDone = true
      })
      while (!isDone) {
        if (redis.waiting(node)) redis.step(node)
        await Promise.resolve()
      }
      return ending
    },
  }
}
