import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

// The same tests, on Valkey.
const isInstalled = spawnSync('valkey-server', ['--version']).status === 0
test('the contract is kept on Valkey', { skip: isInstalled ? false : 'valkey-server is not installed' }, () => {})
if (isInstalled) {
  process.env.REDIS_SERVER = 'valkey-server'
  await import('./contract.test.ts')
  await import('./session-rotation.test.ts')
}
