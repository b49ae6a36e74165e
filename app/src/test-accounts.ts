import { randomBytes } from 'node:crypto'
import { readConfig } from './config.ts'
import { endOnFailure } from './process/end-on-failure.ts'
import { createKeyNames } from './redis/key-names.ts'
import type { Account } from './users/test-accounts.ts'
import { hashPassword } from './users/users.ts'

const TTL_SECONDS = 3600

/**
 * Makes accounts for load, drills and proofs: node test-accounts.js PREFIX COUNT, called by deploy/test-accounts. Prints them
 * as one line of JSON, passwords included, and then a command of redis-cli for each: the application itself may not write
 * them.
 */
async function makeAccounts(): Promise<void> {
  const [prefix = '', count = '1'] = process.argv.slice(2)
  const { keyPrefix } = readConfig(process.env).redis
  const keys = createKeyNames({ prefix: keyPrefix, database: 0 })
  const run = randomBytes(4).toString('hex')
  const accounts: { username: string; password: string }[] = []
  const commands: string[] = []
  for (let number = 1; number <= Number(count); number++) {
    const username = `${prefix}-${run}-${number}`
    const password = randomBytes(18).toString('base64url')
    const account: Account = { username, displayName: 'Test account', passwordHash: await hashPassword(password) }
    accounts.push({ username, password })
    // Neither a user name nor a hash has a single quote in it, or a backslash.
    commands.push(`SET ${keys.testAccount(username)} '${JSON.stringify(account)}' EX ${TTL_SECONDS}`)
  }
  process.stdout.write(`${JSON.stringify(accounts)}\n${commands.join('\n')}\n`)
}

await endOnFailure(makeAccounts)
