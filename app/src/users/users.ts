import { readFile } from 'node:fs/promises'
import { hash } from '@node-rs/argon2'
import { z } from 'zod'
import type { RedisConnection } from '../redis/connection.ts'
import { foreignKey, ifWrongType } from '../redis/errors.ts'
import type { User } from '../sessions/session-record.ts'
import { createPasswordCheck } from './password-check.ts'
import { type Account, accountSchema, findTestAccount } from './test-accounts.ts'
import { normalizePassword } from './typed-text.ts'

export type { Account }

export interface Users {
  /**
   * The user, if the password is theirs and the account is enabled. Takes as long for a name that does not exist (OWASP
   * ASVS 5.0, 6.3.8).
   * @throws {RedisUnavailable} whatever the name and the password are: no password is checked without Redis
   */
  verify(username: string, password: string): Promise<User | undefined>
  /** Whether there is an account of this name. For the log, not for an answer. */
  exists(username: string): boolean
  /** Whether an administrator has disabled the account, on whichever node. Throws `RedisUnavailable`. */
  isDisabled(username: string): Promise<boolean>
}

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. The library's default is argon2id. */
const ARGON2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** Of the password in its one form, as `verify` takes it too. */
export const hashPassword = (password: string) => hash(normalizePassword(password), ARGON2)

/** Accounts as `[{ username, displayName, passwordHash }]`. Throws if the file is missing or has another form. */
export async function readAccounts(file: URL): Promise<Account[]> {
  return z.array(accountSchema).parse(JSON.parse(await readFile(file, 'utf8')))
}

interface Parts {
  redis: RedisConnection
  accounts: readonly Account[]
  /** How many passwords are hashed at once: each takes a processor for itself. */
  hashesAtOnce: number
}

export async function createUsers({ redis, accounts, hashesAtOnce }: Parts): Promise<Users> {
  const matchesPassword = createPasswordCheck(hashesAtOnce)
  const byName = new Map(accounts.map((account) => [account.username, account]))
  // Nobody's password. Checking it costs as much as a real one, so the time tells nothing about who exists.
  const nobody = await hashPassword('')

  async function isDisabled(username: string): Promise<boolean> {
    // A set of user names; its only writer is deploy/disable. Without it no account is known to be enabled.
    const key = redis.keys.disabledUsers
    const found = redis.run((client) => client.sIsMember(key, username))
    return (await ifWrongType<number>(found, () => Promise.reject(foreignKey(key)))) === 1
  }

  return {
    async verify(username, password) {
      // Both for every name and before the password is checked, so that neither the time nor a Redis without an answer shows
      // which names exist or which password is right.
      const [testAccount, disabled] = await Promise.all([findTestAccount(redis, username), isDisabled(username)])
      // An account of the file comes first: a test account cannot replace it.
      const account = byName.get(username) ?? testAccount
      const matches = await matchesPassword(account?.passwordHash ?? nobody, normalizePassword(password))
      if (!account || !matches || disabled) return undefined
      return { username: account.username, displayName: account.displayName }
    },
    exists: (username) => byName.has(username),
    isDisabled,
  }
}
