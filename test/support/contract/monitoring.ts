import assert from 'node:assert/strict'
import { test } from 'node:test'
import { send } from '../http.ts'
import { until } from '../until.ts'
import { get, read } from './answers.ts'
import type { TwoNodes } from './two-nodes.ts'

/** What the nodes report about themselves. */
export function declareMonitoring(pair: () => TwoNodes): void {
  test('/api/cluster lists both nodes with their request counts', async () => {
    const { left, right } = pair()
    const names = [left.name, right.name].sort()
    const nodes = await until('both nodes are listed', async () => {
      const { nodes: all } = await read(await get(left, '/api/cluster'))
      const found = all.filter(({ name }) => names.includes(name))
      // One reply can take longer on a busy machine.
      return found.length === 2 && found.every(({ redisMs }) => redisMs > 0 && redisMs < 300) ? found : undefined
    })
    assert.deepEqual(nodes.map(({ name }) => name).sort(), names)
    for (const { uptimeSeconds, requests } of nodes) assert.ok(uptimeSeconds >= 0 && requests >= 0)
  })

  test('metrics contain the route, never the path', async () => {
    const { left } = pair()
    await get(left, '/api/user')
    await send(left.url, '/api/sessions/some-id', { method: 'DELETE' })
    await get(left, '/no/such/path')
    const metrics = await (await get(left, '/metrics')).text()
    const labels = `{node="${left.name}",route="/api/user",method="GET",status="401"}`
    assert.ok(metrics.includes(`http_request_duration_seconds_count${labels}`), metrics)
    assert.match(metrics, /route="\/api\/sessions\/:id"/)
    assert.doesNotMatch(metrics, /some-id|no\/such/)
  })
}
