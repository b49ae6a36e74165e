import type { Seen } from '../page-events.ts'
import { honour, type Lesson } from './lesson.ts'
import { createHonours, rejectedBy } from './seen.ts'

type Choice = 'kept' | 'loggedOut' | 'served'

export const redisAway: Lesson<Choice> = {
  id: 'redis-away',
  title: 'Redis goes away',
  question: 'Redis stops for some seconds, then it is back. What happens to you?',
  choices: {
    kept: 'My requests fail meanwhile, and I stay logged in.',
    loggedOut: 'I am logged out.',
    served: 'The nodes serve me from their own memory.',
  },
  expected: 'kept',
  steps: [
    { text: 'Stop Redis.', command: 'docker compose stop redis' },
    { text: 'Start it again.', command: 'docker compose start redis' },
  ],
  why: 'Without Redis a node cannot know who you are. It answers 503, never 401, and keeps your cookie. Redis reads its sessions from its disk when it starts.',

  watch(start, attempt) {
    const honours = createHonours(start)
    let [isReportedAway, hasFailed, isBack] = [false, false, false]

    async function comeBack(): Promise<void> {
      isBack = true
      attempt.report('Redis is back.', 'Waiting for a node to serve your session.')
      await attempt.sendToEachNode()
      judge(true)
    }

    function judge(isLast: boolean): void {
      if (!isLast && !honours.isComplete()) return
      const names = honours.names()
      if (names.length > 0) attempt.conclude('kept', `Redis is back, and ${honour(names)} the same session.`)
      else attempt.remark('No node has served your session yet. Send a request.')
    }

    /** One node alone can lose Redis, and the others answer. Redis itself is away when the balancer finds no node that has it. */
    function onAway(seen: Seen): void {
      if (seen.kind === 'redis') isReportedAway = seen.isAway
      if (hasFailed || !isReportedAway || seen.kind !== 'answer') return
      const { status, servedBy, body } = seen.answer
      if (status !== 503 || body.title !== 'Sessions are unavailable') return
      hasFailed = true
      attempt.report(`Redis is away: ${servedBy} answers 503.`, 'Waiting for Redis to be back.')
    }

    return (seen) => {
      onAway(seen)
      if (!hasFailed) return
      if (seen.kind === 'redis' && !seen.isAway && !isBack) void comeBack()
      const rejecting = rejectedBy(seen, start)
      if (rejecting !== undefined) attempt.conclude('loggedOut', `${rejecting} rejected your session.`)
      else if (!honours.add(seen)) return
      else if (isBack) judge(false)
      else if (isReportedAway) attempt.conclude('served', `${honours.names().join()} served you without Redis.`)
    }
  },
}
