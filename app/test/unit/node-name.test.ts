import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findNodeName, replicaName } from '../../src/nodes/node-name.ts'

for (const [containerName, expected] of [
  ['sessions-app-1.sessions_data', 'app-1'],
  ['my-shop-app-12.my-shop_data', 'app-12'],
  ['sessions-app-3', 'app-3'],
  ['sessions-app-run-4f2a9b.sessions_data', undefined],
  ['4f2a9b7c1d2e', undefined],
  ['app-1.example.org', undefined],
] as const) {
  test(`the container ${containerName} is ${expected ?? 'no replica'}`, () => {
    assert.equal(replicaName(containerName), expected)
  })
}

test('a name that is configured is taken as it is; without one and without Docker it is the host name', async () => {
  assert.equal(await findNodeName({ configured: 'left', hostName: 'box' }), 'left')
  assert.equal(await findNodeName({ configured: undefined, hostName: 'box' }), 'box')
})
