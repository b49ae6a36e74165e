import assert from 'node:assert/strict'
import { test } from 'node:test'
import { send } from '../http.ts'
import { assertPolicyHeaders } from '../policy-headers.ts'
import { get } from './answers.ts'
import type { TwoNodes } from './two-nodes.ts'

/** Headers of every response. */
export function declareHeaders(pair: () => TwoNodes): void {
  test('every response has the security headers, including errors', async () => {
    const { left } = pair()
    for (const path of ['/', '/api/user', '/nowhere', '/style.css']) {
      const { headers } = await get(left, path)
      assertPolicyHeaders(headers, path, { isPage: path === '/' })
      assert.equal(headers.get('X-Powered-By'), null)
      assert.match(headers.get('X-Request-Id') ?? '', /^[0-9a-f-]{36}$/)
      assert.equal(headers.get('X-Served-By'), left.name)
    }
  })

  test('a node keeps nginx’s request id, and replaces one that could forge a log line', async () => {
    const { left } = pair()
    const ask = async (id: string) =>
      (await send(left.url, '/', { headers: { 'X-Request-Id': id } })).headers.get('X-Request-Id')
    assert.equal(await ask('0123456789abcdef'), '0123456789abcdef')
    assert.notEqual(await ask('x"} forged {"'), 'x"} forged {"')
  })
}
