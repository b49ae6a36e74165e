import { readFile } from 'node:fs/promises'
import { hash } from '@node-rs/argon2'
import { z } from 'zod'
import { parseJson } from '../parse-json.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { foreignKey, ifWrongType } from '../redis/errors.ts'
import { type User, userSchema } from '../sessions/session-record.ts'
import { createPasswordCheck } from './password-check.ts'
import { normalizePassword } from './typed-text.ts'

const accountSchema = userSchema.extend({
  username: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/),
  passwordHash: z.string().startsWith('$argon2id$'),
})
export type Account = z.infer<typeof accountSchema>

/** Accounts as `[{ username, displayName, passwordHash }]`. Throws if the file is missing or malformed. */
export async function readAccounts(file: URL): Promise<Account[]> {
  return z.array(accountSchema).parse(JSON.parse(await readFile(file, 'utf8')))
}

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. The library's default is argon2id. */
const ARGON2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

export const hashPassword = (password: string) => hash(normalizePassword(password), ARGON2)

interface Parts {
  redis: RedisConnection
  accounts: readonly Account[]
  /** How many passwords are hashed at once. Each hash keeps one processor busy. */
  hashesAtOnce: number
}

/** What Redis has for a user name. */
interface Found {
  username: string
  testAccount: Account | undefined
  isDisabled: boolean
}

export type Users = Awaited<ReturnType<typeof createUsers>>

export async function createUsers({ redis, accounts, hashesAtOnce }: Parts) {
  const matchesPassword = createPasswordCheck(hashesAtOnce)
  const byName = new Map(accounts.map((account) => [account.username, account]))
  // For names without an account. A check against it takes as long as any other, so the time does not show which names exist.
  const nobody = await hashPassword('')

  /** Whether an administrator has disabled the account, on any node. Throws `RedisUnavailable`. */
  async function isDisabled(username: string): Promise<boolean> {
    // A set of user names; its only writer is deploy/disable. Without it no account is known to be enabled.
    const key = redis.keys.disabledUsers
    const found = redis.run(key, (client) => client.sIsMember(key, username))
    return (await ifWrongType(found, () => Promise.reject(foreignKey(key)))) === 1
  }

  /**
   * A test account: load, drills and proofs have such accounts while they run. deploy/test-accounts writes them, with a TTL, and
   * the application may only read them. A malformed value counts as none.
   */
  async function findTestAccount(username: string): Promise<Account | undefined> {
    const key = redis.keys.testAccount(username)
    const account = parseJson(accountSchema, await redis.run(key, (client) => client.get(key)))
    return account?.username === username ? account : undefined
  }

  return {
    /**
     * Reads what `verify` needs. To be called for every name and before the password is checked. So neither the time nor a
     * failure of Redis shows which names exist or which password is right.
     * @throws {RedisUnavailable}
     */
    async find(username: string): Promise<Found> {
      const [testAccount, disabled] = await Promise.all([findTestAccount(username), isDisabled(username)])
      return { username, testAccount, isDisabled: disabled }
    },

    /**
     * The user, if the password is theirs and the account is enabled. Takes as long for a name that does not exist (OWASP
     * ASVS 5.0, 6.3.8).
     */
    async verify({ username, testAccount, isDisabled }: Found, password: string): Promise<User | undefined> {
      // An account of the file comes first: a test account cannot replace it.
      const account = byName.get(username) ?? testAccount
      const matches = await matchesPassword(account?.passwordHash ?? nobody, normalizePassword(password))
      if (!account || !matches || isDisabled) return undefined
      return { username: account.username, displayName: account.displayName }
    },
    /** Whether there is an account of this name. Only for the log: a client must not learn it. */
    exists: (username: string) => byName.has(username),
    isDisabled,
  }
}
