import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findNodeName, replicaName } from 'app/membership/node-name'

for (const [containerName, expected] of [
  ['sessions-app-1.sessions_data', 'app-1'],
  ['my-shop-app-12.my-shop_data', 'app-12'],
  ['sessions-app-3', 'app-3'],
  ['sessions-app-run-4f2a9b.sessions_data', undefined],
  ['4f2a9b7c1d2e', undefined],
  ['app-1.example.org', undefined],
] as const) {
  test(`the node name of the container ${containerName} is ${expected ?? 'its host name'}`, () => {
    assert.equal(replicaName(containerName), expected)
  })
}

test('a node uses its configured name, or its host name without a configured name and Docker', async () => {
  assert.equal(await findNodeName({ configured: 'left', hostName: 'box' }), 'left')
  assert.equal(await findNodeName({ configured: undefined, hostName: 'box' }), 'box')
})
