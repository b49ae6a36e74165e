import assert from 'node:assert/strict'
import { getUser } from './http.ts'
import { until } from './until.ts'

/** Waits until the node accepts the session again. Until then it may only answer 503: a 401 would tell the user to log in. */
export async function acceptedAgain(url: string, cookie: string): Promise<void> {
  const statuses = new Set<number>()
  await until('the session is accepted again', async () => {
    const { status } = await getUser(url, cookie)
    statuses.add(status)
    return status === 200
  })
  assert.deepEqual(
    [...statuses].filter((status) => status !== 503),
    [200],
  )
}
