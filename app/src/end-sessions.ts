import { readConfig } from './config.ts'
import { openEventLog } from './events/event-log.ts'
import { createJournal } from './events/journal.ts'
import { createLogger, type Logger } from './logger.ts'
import { endOnFailure } from './process/end-on-failure.ts'
import { connectRedis, type RedisConnection } from './redis/connection.ts'
import type { EndedSession, SessionStore } from './sessions/session-store.ts'
import { createSessionStore } from './utils/redis-session.ts'

const NODE = 'end-sessions'

/**
 * Ends all sessions of some users, on every node at once: node end-sessions.js USERNAME... Called by deploy/lib.sh.
 *
 * Its output is the log, one JSON object a line: `event: "revoked"` with the `sessionId` of each session that it ended, then
 * for each user `event: "sessions_ended"`, or `event: "sessions_not_ended"` with the `reason`. Exits with status 1 if any
 * session may go on.
 */
async function endSessions(): Promise<void> {
  const config = readConfig(process.env)
  const log = createLogger({ level: config.logLevel, node: NODE })
  const [first = '', ...others] = process.argv.slice(2)
  let user = first
  let ended: EndedSession[] = []
  try {
    if (config.sessionStore === 'memory') throw new Error('with SESSION_STORE=memory each node keeps its own sessions')
    const redis = await connectRedis(config.redis, log)
    const sessions = createSessionStore(redis, { ...config.session, node: NODE }, log)
    for (user of [first, ...others]) {
      ended = []
      const { failure, ...result } = await endAll(sessions, user)
      ended = result.ended
      await publish(redis, ended, log)
      if (failure !== undefined) throw failure
      log.info({ event: 'sessions_ended', user, count: ended.length }, 'All sessions of the user have ended')
    }
    await redis.close()
  } catch (error) {
    const reason = reasonOf(error)
    log.error({ event: 'sessions_not_ended', user, count: ended.length, reason }, 'Sessions of the user may go on')
    // Not process.exitCode: a connection that could not be opened is retried, and keeps the process alive.
    process.exit(1)
  }
}

/** If it fails in the middle, those that ended are known from what is left. */
async function endAll(sessions: SessionStore, user: string): Promise<{ ended: EndedSession[]; failure?: unknown }> {
  const before = await sessions.listSessions(user)
  try {
    return { ended: await sessions.revokeSessions(user) }
  } catch (failure) {
    const left = await sessions.listSessions(user).catch(() => before)
    const leftIds = new Set(left.map(({ id }) => id))
    return { ended: before.filter(({ id }) => !leftIds.has(id)).map(({ id }) => ({ id, username: user })), failure }
  }
}

/** Logs the endings and tells the pages of the user. Best effort: the sessions have ended already. */
async function publish(redis: RedisConnection, ended: readonly EndedSession[], log: Logger): Promise<void> {
  if (ended.length === 0) return
  const events = await openEventLog(redis, redis.keys.events(), log).catch((error: unknown) => {
    log.warn({ reason: reasonOf(error) }, 'Failed to publish events')
    return { append: async () => false }
  })
  const journal = createJournal({ node: NODE, events })
  for (const { id, username } of ended) {
    await journal.record(log, { type: 'revoked', user: username, sessionId: id, by: 'administrator' })
  }
}

/** Without quotation marks, so that a script can read it from the line. */
const reasonOf = (error: unknown) =>
  (error instanceof Error ? error.message : String(error)).replaceAll(/["\\\n]/g, "'").replace(/\.$/, '')

await endOnFailure(endSessions)
