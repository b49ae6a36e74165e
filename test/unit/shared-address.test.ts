import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isSharedAddress } from 'app/users/network-of'

for (const address of ['unknown', '', '127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1']) {
  test(`the address ${address || '(none)'} is shared by many clients`, () => assert.ok(isSharedAddress(address)))
}
for (const address of ['192.0.2.7', '::ffff:192.0.2.7', '2001:db8::1', '10.0.0.1', '::2', '172.18.0.1']) {
  test(`the address ${address} belongs to one client`, () => assert.ok(!isSharedAddress(address)))
}
