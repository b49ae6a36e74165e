import { changeRecord } from '../change-record.ts'
import type { PageStack } from './world.ts'

/** Makes a session look this much older. */
export async function makeOlder({ redis, sealKeys = [] }: PageStack, token: string, seconds: number): Promise<void> {
  const json = await redis('GET', `session:${token}`)
  const older = changeRecord({ name: token, json, sealKeys }, ({ createdAt }) => ({
    createdAt: new Date(Date.parse(createdAt) - seconds * 1000).toISOString(),
  }))
  await redis('SET', `session:${token}`, older, 'KEEPTTL')
}
