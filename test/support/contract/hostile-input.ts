import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { exchange } from '../exchange.ts'
import { send } from '../http.ts'
import { get, JSON_TYPE } from './answers.ts'
import type { ContractNode, TwoNodes } from './two-nodes.ts'

/** Input that no client of this application sends. */
export function declareHostileInput(pair: () => TwoNodes): void {
  test('no login body causes a server error (generated bodies)', async () => {
    const { left } = pair()
    const bodies = fc.oneof(
      fc.json(),
      fc.string(),
      fc.record({ username: fc.string(), password: fc.string() }).map((it) => JSON.stringify(it)),
    )
    await fc.assert(
      fc.asyncProperty(bodies, async (body) => {
        const { status } = await send(left.url, '/auth/login', { method: 'POST', body, headers: JSON_TYPE })
        assert.ok([400, 401, 413].includes(status), `${status} for ${body}`)
      }),
      { numRuns: 150 },
    )
  })

  test('no cookie except an issued one is authenticated or causes a server error (generated cookies)', async () => {
    const { left } = pair()
    const visible = fc.string({
      unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
      maxLength: 200,
    })
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          visible,
          visible.map((text) => `sid=${text}`),
        ),
        async (cookie) => {
          assert.equal((await get(left, '/api/user', cookie)).status, 401)
        },
      ),
      { numRuns: 200 },
    )
  })

  test('headers that are too large and invalid HTTP get a 4xx response and do not stop the node', async () => {
    const { left } = pair()
    assert.match(
      await exchange(portOf(left), `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(20_000)}\r\n\r\n`),
      /^HTTP\/1\.1 431 .*problem\+json/s,
    )
    assert.match(await exchange(portOf(left), 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 .*problem\+json/s)
    assert.equal((await get(left, '/livez')).status, 200)
  })
}

const portOf = (node: ContractNode) => Number(new URL(node.url).port)
