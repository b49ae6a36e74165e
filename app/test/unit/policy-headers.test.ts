import { readFile } from 'node:fs/promises'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { securityHeaders } from '../../src/middleware/security-headers.ts'
import { assertPolicyHeaders } from '../lib/policy-headers.ts'

test('what nginx answers by itself has the same policy headers as what a node answers', async () => {
  const conf = await readFile(new URL('../../../../nginx/parts/own-headers.conf', import.meta.url), 'utf8')
  const ofNginx = [...conf.matchAll(/^add_header (\S+) (?:'([^']*)'|"([^"]*)"|(\S+)) always;$/gm)].map(
    ([, name = '', single, double, bare]): [string, string] => [name, single ?? double ?? bare ?? ''],
  )
  assertPolicyHeaders(new Headers(ofNginx), 'nginx')

  const res = new ServerResponse(new IncomingMessage(new Socket()))
  securityHeaders()(res.req, res, () => {})
  assertPolicyHeaders(
    new Headers(Object.entries(res.getHeaders()).map(([name, value]) => [name, String(value)])),
    'a node',
  )
})
