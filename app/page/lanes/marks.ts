import type { FeedEvent, Session } from '../answers.ts'
import { describeEvent } from '../event-text.ts'
import type { Seen } from '../page-events.ts'
import { ALL_LANES, type LaneRecord, type MarkKind, REDIS, type Turn } from './record.ts'

interface Parts {
  record: LaneRecord
  /** "This session", or how else the page calls the session of an event. */
  nameSession: (sessionId: string | undefined) => string
  /** Time of the Redis server, in milliseconds since 1970. */
  now: () => number
  /** Each node keeps its own sessions, so nothing happens in Redis. */
  isExperiment: () => boolean
}

const KIND_OF_EVENT: Record<string, MarkKind> = {
  ...{ login: 'created', rotated: 'rotated' },
  ...{ logout: 'ended', replaced: 'ended', revoked: 'ended', made_room: 'ended', token_reused: 'ended' },
  ...{ node_up: 'joined', node_draining: 'draining', node_gone: 'left', redis_lost: 'failed', redis_back: 'joined' },
}

const STATE_OF_EVENT: Record<string, Turn['state']> = {
  ...{ node_up: 'up', node_heard: 'up', node_suspect: 'suspect', node_draining: 'draining', node_gone: 'gone' },
}

const DEATHS: Record<string, (node: string) => string> = {
  node_gone: (node) => `${node} died: its heartbeat stopped`,
  node_up: (node) => `${node} had died, and is running again`,
}

/** A node that leaves without draining has died. So has one that starts while it was running: it restarted at once. */
function kindOf({ type, isReplayed }: FeedEvent, before: Turn['state'] | undefined): MarkKind | undefined {
  if (type === 'node_gone' && before !== 'draining' && before !== undefined) return 'died'
  if (type === 'node_up' && !isReplayed && (before === 'up' || before === 'suspect')) return 'died'
  return KIND_OF_EVENT[type]
}

/** Returns a function that adds what the page sees to the lanes. */
export function createMarks({ record, nameSession, now, isExperiment }: Parts): (seen: Seen) => void {
  function addAnswer({ method, path, ms, answer, hasSession, at }: Extract<Seen, { kind: 'answer' }>): void {
    const { status, servedBy } = answer
    const outcome = outcomeOf(status, hasSession)
    const isNode = servedBy !== '' && servedBy !== 'nginx' && servedBy !== 'balancer'
    const said = { plain: `${status}`, honoured: 'honoured', rejected: 'rejected (401)', failed: `failed (${status})` }
    const result = status === 0 ? 'no answer' : said[outcome]
    const lane = isNode ? servedBy : ALL_LANES
    record.add({ at, lane, kind: outcome, text: `${method} ${path}: ${result}, ${Math.round(ms)} ms` })
    if (answer.isFailedOver) {
      const failed = `${method} ${path} failed over: the balancer had tried another node`
      record.add({ at, lane, kind: 'failedOver', text: failed })
    }
    if (outcome !== 'honoured' || isExperiment()) return
    record.add({ at, lane: REDIS, kind: 'read', text: `${servedBy} read the session` })
  }

  function addServerEvent(event: FeedEvent, at: number): void {
    const { type, node, sessionId, by } = event
    const before = record.stateOf(node)
    const state = STATE_OF_EVENT[type]
    if (state && state !== before) record.turn({ at, lane: node, state })
    const kind = kindOf(event, before)
    if (!kind) return
    const key = type === 'login' ? keyOfLogin(sessionId) : `${event.id} ${type} ${node}`
    const text = kind === 'died' ? DEATHS[type] : undefined
    // An administrator revokes sessions in Redis, by no node.
    const isOfRedis = by !== undefined || type === 'redis_lost' || type === 'redis_back'
    const lane = isOfRedis ? REDIS : node
    record.add({ at, lane, kind, text: text?.(node) ?? describeEvent(event, nameSession(sessionId)), key })
  }

  /** Also without its event: the page receives none of a session that only one node knows. */
  function addSession({ id, createdOn, createdAt }: Session): void {
    const at = performance.now() - Math.max(0, now() - Date.parse(createdAt))
    const text = `${nameSession(id)} was created on ${createdOn}`
    record.add({ at, lane: createdOn, kind: 'created', text, key: keyOfLogin(id) })
  }

  return (seen) => {
    const { at } = seen
    if (seen.kind === 'session' && seen.session) addSession(seen.session)
    if (seen.kind === 'answer') addAnswer(seen)
    if (seen.kind === 'server') addServerEvent(seen.event, at)
    if (seen.kind === 'redis') record.turn({ at, lane: REDIS, state: seen.isAway ? 'away' : 'up' })
    if (seen.kind === 'renewed') {
      const lane = isExperiment() ? seen.node : REDIS
      record.add({ at, lane, kind: 'renewed', text: `${seen.node} renewed the idle timeout` })
    }
    if (seen.kind === 'connected' && seen.previous !== undefined) {
      const text = `The event stream failed over from ${seen.previous} to ${seen.node}`
      record.add({ at, lane: seen.node, kind: 'failedOver', text })
    }
    if (seen.kind === 'switched') record.clear()
  }
}

const keyOfLogin = (sessionId: string | undefined) => `login ${sessionId}`

function outcomeOf(status: number, hasSession: boolean): 'plain' | 'honoured' | 'rejected' | 'failed' {
  if (status === 0 || status >= 500) return 'failed'
  if (status === 401) return 'rejected'
  return hasSession && status < 300 ? 'honoured' : 'plain'
}
