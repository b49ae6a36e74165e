import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

// The same tests, on Valkey: the contract, races, events and clocks.
const isInstalled = spawnSync('valkey-server', ['--version']).status === 0
test('all guarantees of a session hold on Valkey', {
  skip: isInstalled ? false : 'valkey-server is not installed',
}, () => {})
if (isInstalled) {
  process.env.REDIS_SERVER = 'valkey-server'
  await import('./contract.test.ts')
  await import('./session-rotation.test.ts')
  await import('./events.test.ts')
  await import('./wrong-clock.test.ts')
}
