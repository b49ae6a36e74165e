import { readFile } from 'node:fs/promises'
import { hash, verify } from '@node-rs/argon2'
import pLimit from 'p-limit'
import { z } from 'zod'
import type { RedisConnection } from '../redis/connection.ts'
import { foreignKey, ifWrongType } from '../redis/errors.ts'
import type { User } from '../sessions/session-record.ts'
import { type Account, accountSchema, findTestAccount } from './test-accounts.ts'
import { normalizePassword } from './typed-text.ts'

export type { Account }

export interface Users {
  /**
   * The user, if the password is theirs. Takes as long for a name that does not exist (OWASP ASVS 5.0, 6.3.8).
   * @throws {TooManyLogins} when more passwords wait to be checked than can be checked in good time
   * @throws {RedisUnavailable} whatever the name and the password are: no password is checked without Redis
   */
  verify(username: string, password: string): Promise<User | undefined>
  /** Whether there is an account of this name. For the log, not for an answer. */
  exists(username: string): boolean
  /** Whether an administrator has disabled the account, on whichever node. Throws `RedisUnavailable`. */
  isDisabled(username: string): Promise<boolean>
}

/** More people want to log in at once than this node can check passwords for. */
export class TooManyLogins extends Error {
  override readonly name = 'TooManyLogins'
}

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. The library's default is argon2id. */
const ARGON2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }
/** At some 30 ms each, the last of them waits about a second. */
const LONGEST_QUEUE = 32

/** Of the password in its one form, as `verify` takes it too. */
export const hashPassword = (password: string) => hash(normalizePassword(password), ARGON2)

/** Accounts as `[{ username, displayName, passwordHash }]`. Throws if the file is missing or has another form. */
export async function readAccounts(file: URL): Promise<Account[]> {
  return z.array(accountSchema).parse(JSON.parse(await readFile(file, 'utf8')))
}

interface Parts {
  redis: RedisConnection
  accounts: readonly Account[]
  /** How many passwords are hashed at once: each takes a processor for itself, and sessions need one too. */
  hashesAtOnce: number
}

export async function createUsers({ redis, accounts, hashesAtOnce }: Parts): Promise<Users> {
  const byName = new Map(accounts.map((account) => [account.username, account]))
  // Nobody's password. Checking it costs as much as a real one, so the time tells nothing about who exists.
  const nobody = await hashPassword('')
  const inTurn = pLimit(hashesAtOnce)

  return {
    async verify(username, password) {
      if (inTurn.pendingCount >= LONGEST_QUEUE) throw new TooManyLogins('too many passwords wait to be checked')
      // For every name, so that neither the time nor an unreachable Redis shows which names exist. An account of the file
      // comes first: a test account cannot replace it.
      const testAccount = await findTestAccount(redis, username)
      const account = byName.get(username) ?? testAccount
      const matches = await inTurn(() => verify(account?.passwordHash ?? nobody, normalizePassword(password)))
      if (!account || !matches) return undefined
      return { username: account.username, displayName: account.displayName }
    },
    exists: (username) => byName.has(username),
    async isDisabled(username) {
      // A set of user names; its only writer is deploy/disable. Without it no account is known to be enabled.
      const key = redis.keys.disabledUsers
      const found = redis.run((client) => client.sIsMember(key, username))
      return (await ifWrongType<number>(found, () => Promise.reject(foreignKey(key)))) === 1
    },
  }
}
