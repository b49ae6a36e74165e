import type { FeedEvent } from './answers.ts'
import type { PageEvents, Seen } from './page-events.ts'

/** The latest thing worth a sentence. Undefined when it is too old. */
export type News = () => string | undefined

/** How long a thing is news. */
const FRESH_MS = 12_000

interface Parts {
  pageEvents: PageEvents
  /** The id of the session of this page. */
  present: () => string | undefined
  isEarlier: (sessionId: string) => boolean
  /** The nodes that have honoured the session. */
  honouredBy: () => readonly string[]
  onChange: () => void
}

/** Picks from all that the page sees what the sentence should tell. */
export function createNews({ pageEvents, present, isEarlier, honouredBy, onChange }: Parts): News {
  let latest: { tell: () => string; until: number } | undefined
  let redisLostAt: number | undefined
  let expiry: number | undefined

  function put(tell: () => string): void {
    latest = { tell, until: performance.now() + FRESH_MS }
    clearTimeout(expiry)
    expiry = setTimeout(onChange, FRESH_MS + 50)
    onChange()
  }

  function onServerEvent(event: FeedEvent): void {
    if (event.isReplayed) return
    const { type, node, sessionId, how } = event
    const isPresent = sessionId !== undefined && sessionId === present()
    const findsIt = () =>
      honouredBy().includes(node) ? ' It honours your session.' : ' It can serve your session too.'
    if (type === 'rotated' && isPresent) put(() => `${node} replaced the token of your session. The session goes on.`)
    else if (type === 'node_up') put(() => `${node} is running.${present() === undefined ? '' : findsIt()}`)
    else if (type === 'node_draining')
      put(() => `${node} is stopping. It finishes its requests, and the other nodes take over.`)
    else if (type === 'node_gone') put(() => `${node} has left. The other nodes serve its users.`)
    else if (sessionId === undefined || isPresent || isEarlier(sessionId)) return
    else if (type === 'login') put(() => `Another session of yours was created on ${node}.`)
    else if (how !== undefined) put(() => `Another session of yours ${how}. Every node rejects it now.`)
  }

  function onRedis({ isAway, at }: Extract<Seen, { kind: 'redis' }>): void {
    if (isAway) redisLostAt ??= at
    if (isAway || redisLostAt === undefined) return
    const seconds = Math.round((at - redisLostAt) / 1000)
    redisLostAt = undefined
    put(() => `Redis is back after ${seconds} s.${present() === undefined ? '' : ' You are still logged in.'}`)
  }

  pageEvents.subscribe((seen) => {
    if (seen.kind === 'server') onServerEvent(seen.event)
    if (seen.kind === 'redis') onRedis(seen)
    if (seen.kind === 'switched') latest = undefined
    if (seen.kind === 'connected' && seen.previous !== undefined && !seen.isIncomplete) {
      put(() => `Your event stream continues on ${seen.node}, without a gap. Before, it came from ${seen.previous}.`)
    }
  })
  return () => (latest && performance.now() < latest.until ? latest.tell() : undefined)
}
