import { createHash } from 'node:crypto'
import type { Client } from './rotation-clients.ts'
import type { RotationJudge } from './rotation-judge.ts'
import type { RotationNodes } from './rotation-nodes.ts'

/** How often each of these may still happen. */
export interface Left {
  losses: number
  crashes: number
  times: number
}

interface Parts {
  nodes: RotationNodes
  judge: RotationJudge
  left: Left
  /** Called with each new token in a response. */
  onGiven: (token: string) => void
  /** Whether nodes remember their renewals. */
  remembers: boolean
}

/** The events that are possible now, each as a word and the name of its client. */
export function listEvents(clients: readonly Client[], { redis }: RotationNodes, left: Left): string[] {
  // It writes a key that no other client knows yet, so its order does not matter.
  const alone = clients.find(({ name }) => redis.waiting(name) === 'set')
  if (alone) return [`step ${alone.name}`]
  const events = clients.flatMap((one) => {
    const { name, request } = one
    if (!request) return one.left > 0 ? [`send ${name}`] : []
    if (request.answer) return [`answer ${name}`, ...(left.losses > 0 && !one.isReplay ? [`lose ${name}`] : [])]
    // A node that crashes after a read and before its next write leaves the same state as one that crashes now.
    const canCrash = left.crashes > 0 && one.hasWritten
    return redis.waiting(name) ? [`step ${name}`, ...(canCrash ? [`crash ${name}`] : [])] : []
  })
  const isHurried = clients.some(({ request, isPatient }) => request && !isPatient)
  return [...events, ...(left.times > 0 && !isHurried ? ['time passes'] : [])]
}

/** What each event does to its client, by the event's word. */
export function createHappenings({ nodes, judge, left, onGiven, remembers }: Parts) {
  const { redis } = nodes

  function finish(one: Client): void {
    one.request = undefined
    one.hasWritten = false
    if (!remembers) one.seen = ''
  }

  const happenings: Record<string, (one: Client) => void> = {
    send(one) {
      const request = judge.sent(one.cookie.token)
      one.left--
      one.request = request
      const answer = one.isLogout ? nodes.logOut(one.name, request.token) : nodes.ask(one.name, request.token)
      void answer.then((result) => {
        // A crashed node sends no response.
        if (one.request !== request) return
        judge.answered(request, result)
        if (typeof result === 'object' && result.next !== undefined) onGiven(result.next)
        else finish(one)
      })
    },
    step(one) {
      one.hasWritten = redis.waiting(one.name) !== 'get'
      one.seen = hash(one.seen + redis.step(one.name))
    },
    answer(one) {
      const next = typeof one.request?.answer === 'object' ? one.request.answer.next : undefined
      if (next !== undefined && !one.isReplay) one.cookie.token = next
      finish(one)
    },
    lose(one) {
      left.losses--
      finish(one)
    },
    crash(one) {
      left.crashes--
      nodes.crash(one.name)
      one.seen = ''
      if (one.request) one.request.answeredMs = redis.now()
      finish(one)
    },
  }
  return happenings
}

export const hash = (text: string) => createHash('sha1').update(text).digest('base64')
