import { z } from 'zod'
import type { RedisConnection } from '../redis/connection.ts'
import { userSchema } from '../sessions/session-record.ts'

/** An account, as the file of accounts and a test account have it. */
export const accountSchema = userSchema.extend({
  username: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/),
  passwordHash: z.string().startsWith('$argon2id$'),
})
export type Account = z.infer<typeof accountSchema>

/**
 * The test account of this name, or undefined: an account that load, drills and proofs have for themselves while they run.
 * deploy/test-accounts writes it, with a TTL; the application may only read it. A value of another form counts as none.
 * @throws {RedisUnavailable}
 */
export async function findTestAccount(redis: RedisConnection, username: string): Promise<Account | undefined> {
  const value = await redis.run((client) => client.get(redis.keys.testAccount(username)))
  if (value === null) return undefined
  try {
    const account = accountSchema.parse(JSON.parse(value))
    return account.username === username ? account : undefined
  } catch {
    return undefined
  }
}
