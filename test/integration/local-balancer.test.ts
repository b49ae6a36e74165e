import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import { type TestContext, test } from 'node:test'
import { createBalancerAnswers } from 'app/http/bare-answers'
import { listen, portOf } from 'app/lifecycle/listen'
import { BALANCER, createBalancer } from 'app/local/balancer'
import type { SupervisedNode } from 'app/local/supervisor'
import { lastingPort } from '../support/lasting-port.ts'
import { quiet } from '../support/test-node.ts'

const MANY = 60

test('a retry goes to a node that has not failed, also while other requests take their turns', async (t) => {
  const { url } = await startBalancer(t, ['dead', 'good', 'good'])
  const statuses = await Promise.all(Array.from({ length: MANY }, async () => (await fetch(url)).status))
  assert.deepEqual(new Set(statuses), new Set([200]))
})

test('a request finds the only good one of three nodes', async (t) => {
  const { url } = await startBalancer(t, ['dead', 'broken', 'good'])
  const statuses = await Promise.all(Array.from({ length: MANY }, async () => (await fetch(url)).status))
  assert.deepEqual(new Set(statuses), new Set([200]))
})

test('a response has X-Failed-Over if another node was tried before, and only then', async (t) => {
  const { url } = await startBalancer(t, ['dead', 'good', 'good'])
  const headers = []
  for (let sent = 0; sent < 4; sent++) headers.push((await fetch(url)).headers.get('X-Failed-Over'))
  assert.deepEqual(new Set(headers), new Set(['yes', null]))
  const { url: healthy } = await startBalancer(t, ['good', 'good'])
  for (let sent = 0; sent < 4; sent++) assert.equal((await fetch(healthy)).headers.get('X-Failed-Over'), null)
})

test('a POST is sent once: it fails if its node breaks the connection', async (t) => {
  const { url, broken } = await startBalancer(t, ['broken'])
  assert.equal((await fetch(url, { method: 'POST', body: 'x' })).status, 502)
  assert.equal(broken.requests, 1)
})

test('a GET ends with 502 when no node answers', async (t) => {
  const { url } = await startBalancer(t, ['dead', 'dead', 'broken'])
  assert.equal((await fetch(url)).status, 502)
})

type Kind = 'good' | 'dead' | 'broken'

/** A balancer over nodes that answer, that refuse connections but are not known to have ended, or that break connections. */
async function startBalancer(t: TestContext, kinds: readonly Kind[]) {
  const broken = { requests: 0 }
  const behaviour: Record<'good' | 'broken', RequestListener> = {
    good: (_req, res) => void res.end('good'),
    broken(req) {
      broken.requests++
      req.socket.destroy()
    },
  }
  const nodes = await Promise.all(
    kinds.map(async (kind, index): Promise<SupervisedNode> => {
      const name = `app-${index + 1}`
      return { name, port: kind === 'dead' ? await lastingPort() : await serve(t, behaviour[kind]) }
    }),
  )
  const answers = createBalancerAnswers(BALANCER, { publicHost: undefined })
  const port = await serve(t, createBalancer({ nodes, streamPath: '/api/events', answers, log: quiet }))
  return { url: `http://127.0.0.1:${port}/`, broken }
}

async function serve(t: TestContext, handler: RequestListener): Promise<number> {
  const server = await listen(handler, { host: '127.0.0.1', port: 0, node: 'test', log: quiet })
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return portOf(server)
}
