import type { Answer } from './answers.ts'
import { explain } from './ask.ts'
import type { Notice } from './notice.ts'
import type { PageEvents } from './page-events.ts'

export interface Trouble {
  /** Whether the nodes are connected to Redis, as far as this page knows. */
  hasRedis(): boolean
  /** Shows why a request failed. `beside`: next to the button that was pressed. */
  report(answer: Answer, beside?: Notice): void
  /** Redis is not responding: shows it, and rechecks until Redis is back. */
  loseRedis(retryAfterSeconds?: number): void
  /** A request that needs Redis was successful. */
  isOver(): void
  /** Forgets what is known of Redis. */
  reset(): void
}

interface Parts {
  notice: Notice
  pageEvents: PageEvents
  isLoggedIn: () => boolean
  /** Sends a request that needs Redis but does not extend the session. */
  recheck: () => Promise<Answer>
  onChange: () => void
  onRedisBack: () => void
}

/** Failed requests, and the time without Redis. */
export function createTrouble({ notice, pageEvents, isLoggedIn, recheck, onChange, onRedisBack }: Parts): Trouble {
  let hasRedis = true
  let isWaiting = false
  /** Those beside buttons that say to try again. */
  const beside = new Set<Notice>()

  function loseRedis(retryAfterSeconds = 1): void {
    if (hasRedis) pageEvents.publish({ kind: 'redis', isAway: true })
    hasRedis = false
    const loggedIn = isLoggedIn() ? ' You are still logged in.' : ''
    notice.show(`Redis is not responding.${loggedIn} The page continues when Redis is back.`)
    onChange()
    if (isWaiting) return
    isWaiting = true
    setTimeout(retry, retryAfterSeconds * 1000)
  }

  async function retry(): Promise<void> {
    isWaiting = false
    const answer = await recheck()
    if (answer.status === 200) findRedis()
    else if (!hasRedis) loseRedis(answer.retryAfterSeconds)
  }

  function findRedis(): void {
    if (hasRedis) return
    hasRedis = true
    pageEvents.publish({ kind: 'redis', isAway: false })
    notice.clear()
    for (const one of beside) one.clearPassing()
    beside.clear()
    onChange()
    onRedisBack()
  }

  return {
    hasRedis: () => hasRedis,
    loseRedis,
    report(answer, at = notice) {
      const { status, body, retryAfterSeconds } = answer
      if (status === 503 && body.title === 'Sessions are unavailable') {
        loseRedis(retryAfterSeconds)
        if (at === notice) return
        at.show('Redis is not responding. Try again when it is back.', 'passing')
        beside.add(at)
      } else at.show(explain(answer), status === 0 || status >= 500 ? 'passing' : 'lasting')
    },
    isOver() {
      notice.clearPassing()
      findRedis()
    },
    reset() {
      hasRedis = true
    },
  }
}
