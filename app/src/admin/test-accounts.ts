import { randomBytes } from 'node:crypto'
import { readConfig } from '../config.ts'
import { endOnFailure } from '../lifecycle/end-on-failure.ts'
import { createKeyNames } from '../redis/key-names.ts'
import { type Account, hashPassword } from '../users/users.ts'

const TTL_SECONDS = 3600

/**
 * Creates accounts for load, drills and proofs: node test-accounts.js PREFIX COUNT. Called by deploy/test-accounts. Prints
 * them and their passwords as one line of JSON, then one command of redis-cli for each. The Redis user of the application may
 * not write them.
 */
async function createAccounts(): Promise<void> {
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
    // User names and hashes contain no single quote and no backslash.
    commands.push(`SET ${keys.testAccount(username)} '${JSON.stringify(account)}' EX ${TTL_SECONDS}`)
  }
  process.stdout.write(`${JSON.stringify(accounts)}\n${commands.join('\n')}\n`)
}

await endOnFailure(createAccounts)
