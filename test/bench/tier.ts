/** The Compose services of nodes behind their own nginx: docker-compose.yml, test/bench/compose.yml. */
export interface Stack {
  name: string
  nodes: string
  nginx: string
}

/** One stack of the comparison, with its own Redis. */
export interface Tier extends Stack {
  name: 'floor' | 'ours' | 'cached' | 'rival' | 'bare'
  title: string
  redis: string
}

/** A stack that differs from the others of its kind in nothing but the sessions. */
export interface SessionTier extends Tier {
  name: 'floor' | 'ours' | 'cached' | 'rival'
}

const tier = <Name extends Tier['name']>(name: Name, title: string) => ({
  ...{ name, title, nodes: name, nginx: `${name}-nginx`, redis: `${name}-redis` },
})

export const FLOOR = tier('floor', 'no session')
export const OURS: SessionTier = { name: 'ours', title: 'this project', nodes: 'app', nginx: 'nginx', redis: 'redis' }
export const CACHED = tier('cached', 'with SESSION_CACHE=on')
/** express-session with the same logs, headers and metrics: the rival for the cost of a session. */
export const RIVAL = tier('rival', 'express-session')
/** express-session without them, behind a plain nginx: the rival for a whole request. */
export const BARE = tier('bare', 'bare express-session')
export const TIERS: readonly Tier[] = [FLOOR, OURS, CACHED, RIVAL, BARE]

/** The stacks that people compare: a request with everything that belongs to it. */
export const WHOLE: readonly Tier[] = [OURS, CACHED, BARE]
export const ALIKE: readonly SessionTier[] = [FLOOR, OURS, CACHED, RIVAL]
export const WITH_SESSIONS: readonly SessionTier[] = [OURS, CACHED, RIVAL]

/** The parts whose processor time is measured separately. */
export const PARTS = ['app', 'redis', 'nginx'] as const
export type Part = (typeof PARTS)[number]

/** Bare Express without sessions: how fast the machine is. */
export const YARDSTICK: Stack = { name: 'yardstick', nodes: 'yardstick', nginx: 'yardstick-nginx' }
