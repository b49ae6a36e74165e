import { readConfig } from '../config.ts'
import { createJournal } from '../events/journal.ts'
import { createStoredEvents } from '../events/stored-events.ts'
import { endOnFailure } from '../lifecycle/end-on-failure.ts'
import { createLogger } from '../logger.ts'
import { connectRedis } from '../redis/connect.ts'
import type { EndedSession, SessionStore } from '../sessions/session-store.ts'
import { createSessionStore } from '../utils/redis-session.ts'

const NODE = 'end-sessions'

/**
 * Ends all sessions of some users, on every node at once: node end-sessions.js USERNAME... Called by deploy/lib.sh.
 *
 * Its output is the log, one JSON object a line: `event: "revoked"` with the `sessionId` of each session that it ended, then
 * for each user `event: "sessions_ended"`, or `event: "sessions_not_ended"` with the `reason`. Exits with status 1 if any
 * session may still be valid.
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
    const journal = createJournal({ node: NODE, events: createStoredEvents(redis, redis.keys.events(), log) })
    for (user of [first, ...others]) {
      ended = []
      const { failure, ...result } = await endAll(sessions, user)
      ended = result.ended
      // An event for the user's pages. Does not throw: the sessions have already ended.
      for (const { id } of ended)
        await journal.record(log, { type: 'revoked', user, sessionId: id, by: 'administrator' })
      if (failure !== undefined) throw failure
      log.info({ event: 'sessions_ended', user, count: ended.length }, 'Ended all sessions of the user')
    }
    await redis.close()
  } catch (error) {
    const reason = reasonOf(error)
    log.error({ event: 'sessions_not_ended', user, count: ended.length, reason }, 'Failed to end all sessions')
    // Not process.exitCode: the client retries a failed connection, which keeps the process alive.
    process.exit(1)
  }
}

/** After a failure, finds out which sessions have ended by listing those that are left. */
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

/** Without quotation marks, so a shell script can cut it from the line. */
const reasonOf = (error: unknown) =>
  (error instanceof Error ? error.message : String(error)).replaceAll(/["\\\n]/g, "'").replace(/\.$/, '')

await endOnFailure(endSessions)
