import { randomBytes } from 'node:crypto'
import { readConfig } from './config.ts'
import { openEventLog } from './events/event-log.ts'
import { createJournal } from './events/journal.ts'
import { createLogger } from './logger.ts'
import { endOnFailure } from './process/end-on-failure.ts'
import { connectRedis } from './redis/connection.ts'
import { type Account, testAccountKey } from './users/test-accounts.ts'
import { hashPassword } from './users/users.ts'
import { createSessionStore } from './utils/redis-session.ts'

/**
 * Called by deploy/test-accounts, in two ways. `new PREFIX COUNT` prints the accounts as one line of JSON, passwords
 * included, and then a command of redis-cli for each: the application itself may not write them. `end NAME...` ends all
 * sessions of these users.
 */
const TTL_SECONDS = 3600

async function makeAccounts(prefix: string, count: number): Promise<void> {
  const run = randomBytes(4).toString('hex')
  const accounts: { username: string; password: string }[] = []
  const commands: string[] = []
  for (let number = 1; number <= count; number++) {
    const username = `${prefix}-${run}-${number}`
    const password = randomBytes(18).toString('base64url')
    const account: Account = { username, displayName: 'Test account', passwordHash: await hashPassword(password) }
    accounts.push({ username, password })
    // Neither a user name nor a hash has a single quote in it, or a backslash.
    commands.push(`SET ${testAccountKey(username)} '${JSON.stringify(account)}' EX ${TTL_SECONDS}`)
  }
  process.stdout.write(`${JSON.stringify(accounts)}\n${commands.join('\n')}\n`)
}

async function endSessions(usernames: readonly string[]): Promise<void> {
  const config = readConfig(process.env)
  const log = createLogger({ level: 'warn', node: 'test-accounts' })
  const redis = await connectRedis(config.redis, log)
  const sessions = createSessionStore(redis, { ...config.session, node: 'test-accounts' }, log)
  const journal = createJournal({ node: 'test-accounts', events: await openEventLog(redis, 'events', log) })
  for (const username of usernames) {
    for (const { id } of await sessions.revokeSessions(username)) {
      await journal.record(log, { type: 'revoked', user: username, sessionId: id, by: 'administrator' })
    }
  }
  await redis.close()
}

await endOnFailure(async () => {
  const [command, ...given] = process.argv.slice(2)
  if (command === 'new') await makeAccounts(given[0] ?? '', Number(given[1]))
  else await endSessions(given)
})
