import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { TEXTS } from 'app/http/problem'
import { securityHeaders } from 'app/middleware/security-headers'
import { assertPolicyHeaders } from '../support/policy-headers.ts'

test('nginx’s own responses have the same policy headers as those of a node', async () => {
  const conf = await readFile(new URL('../../../nginx/parts/own-headers.conf', import.meta.url), 'utf8')
  const ofNginx = [...conf.matchAll(/^add_header (\S+) (?:'([^']*)'|"([^"]*)"|(\S+)) always;$/gm)].map(
    ([, name = '', single, double, bare]): [string, string] => [name, single ?? double ?? bare ?? ''],
  )
  assertPolicyHeaders(new Headers(ofNginx), 'nginx')

  const res = new ServerResponse(new IncomingMessage(new Socket()))
  securityHeaders(res.req, res, () => {})
  assertPolicyHeaders(
    new Headers(Object.entries(res.getHeaders()).map(([name, value]) => [name, String(value)])),
    'a node',
  )
})

test('nginx and the nodes have the same texts for the same problem', async () => {
  const conf = await readFile(new URL('../../../nginx/parts/problem-texts.conf', import.meta.url), 'utf8')
  const [titles = '', details = ''] = [
    ...conf.matchAll(/^map \$status \$problem_(?:title|detail) \{\n([^}]*)\}/gm),
  ].map(([, lines]) => lines)
  const textOf = (lines: string, status: string) =>
    new RegExp(`^ +${status} "(.*)";$`, 'm').exec(lines.replace('default', '400'))?.[1]
  for (const [status, texts] of Object.entries(TEXTS)) {
    assert.deepEqual([textOf(titles, status), textOf(details, status)], texts, status)
  }
})
