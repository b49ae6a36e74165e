import { readConfig } from './config.ts'
import { openEventLog } from './events/event-log.ts'
import { createJournal } from './events/journal.ts'
import { createLogger } from './logger.ts'
import { endOnFailure } from './process/end-on-failure.ts'
import { connectRedis } from './redis/connection.ts'
import { createSessionStore } from './utils/redis-session.ts'

/** Ends all sessions of one user, on every node at once: node end-sessions.js USERNAME. Called by deploy/disable. */
async function endSessions(): Promise<void> {
  const config = readConfig(process.env)
  const log = createLogger({ level: config.logLevel, node: 'end-sessions' })
  const [username = ''] = process.argv.slice(2)
  const redis = await connectRedis(config.redis, log)
  const sessions = createSessionStore(redis, { ...config.session, node: 'end-sessions' }, log)
  const journal = createJournal({ node: 'end-sessions', events: await openEventLog(redis, redis.keys.events(), log) })
  for (const { id } of await sessions.revokeSessions(username)) {
    await journal.record(log, { type: 'revoked', user: username, sessionId: id, by: 'administrator' })
  }
  await redis.close()
}

await endOnFailure(endSessions)
