import { readFile } from 'node:fs/promises'
import { hash, verify } from '@node-rs/argon2'
import { z } from 'zod'
import { type User, userSchema } from '../utils/redis-session.ts'

const accountSchema = userSchema.extend({
  username: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/),
  passwordHash: z.string().startsWith('$argon2id$'),
})
export type Account = z.infer<typeof accountSchema>

export interface Users {
  /** The user, if the password is theirs. Takes as long for a name that does not exist. */
  verify(username: string, password: string): Promise<User | undefined>
}

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. The library's default is argon2id. */
const ARGON2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

export const hashPassword = (password: string) => hash(password, ARGON2)

/** Accounts as `[{ username, displayName, passwordHash }]`. Throws if the file is missing or has another form. */
export async function readAccounts(file: URL): Promise<Account[]> {
  return z.array(accountSchema).parse(JSON.parse(await readFile(file, 'utf8')))
}

export async function createUsers(accounts: readonly Account[]): Promise<Users> {
  const byName = new Map(accounts.map((account) => [account.username, account]))
  // Nobody's password. Checking it costs as much as a real one, so the time tells nothing about who exists.
  const nobody = await hashPassword('')

  return {
    async verify(username, password) {
      const account = byName.get(username)
      const matches = await verify(account?.passwordHash ?? nobody, password)
      if (!account || !matches) return undefined
      return { username: account.username, displayName: account.displayName }
    },
  }
}
