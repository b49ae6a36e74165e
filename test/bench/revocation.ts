// Measures how long other nodes still accept an ended session with SESSION_CACHE=on. It ends TRIALS sessions that every node
// has cached, and queries the other nodes without a pause until they reject. Prints the results as JSON.

import assert from 'node:assert/strict'
import { lookup } from 'node:dns/promises'
import { Agent, request } from 'node:http'
import { createSessionStore } from 'app/utils/redis-session'
import { percentile } from '../support/percentile.ts'
import { forEachOf } from './for-each-of.ts'
import { AGENT, connect, log, sessionOptions } from './near-redis.ts'

const trials = Number(process.env.TRIALS || 10_000)
const AT_ONCE = 3
/** A session accepted for longer than this counts as not ended. */
const GIVE_UP_MS = 5_000

const nodes = (await lookup('app', { all: true, family: 4 })).map(({ address }) => address)
assert.ok(nodes.length > 1, 'only one node is running')
const redis = await connect()
const sessions = createSessionStore(redis, sessionOptions, log)
const agent = new Agent({ keepAlive: true })

function send(node: string, method: string, path: string, token: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: node, port: 3000, method, path, agent, headers: { Cookie: `sid=${token}` } },
      (res) => {
        res.resume().on('end', () => resolve(res.statusCode ?? 0))
      },
    )
    sent.on('error', reject)
    sent.end()
  })
}
const ask = (node: string, token: string) => send(node, 'GET', '/api/user', token)

const times = { logout: [] as number[], revocation: [] as number[] }
let honouredAfter = 0

async function trial(n: number): Promise<void> {
  const user = { username: `trial-${n}`, displayName: 'Somebody' }
  const login = { address: '127.0.0.1', agent: AGENT }
  const { token, session } = await sessions.setSession(user, login)
  const here = nodes[n % nodes.length] ?? ''
  const others = nodes.filter((node) => node !== here)
  // Twice: the first request loads the session into the cache, the second shows that it is cached.
  for (const node of [...nodes, ...nodes]) assert.equal(await ask(node, token), 200)

  const kind = n % 2 === 0 ? 'logout' : 'revocation'
  if (kind === 'logout') {
    assert.equal(await send(here, 'POST', '/auth/logout', token), 204)
  } else {
    const other = await sessions.setSession(user, login)
    assert.equal(await send(here, 'DELETE', `/api/sessions/${session.id}`, other.token), 204)
  }
  const endedAt = performance.now()
  const refusals = others.map(async (node) => {
    while ((await ask(node, token)) === 200) {
      honouredAfter++
      assert.ok(performance.now() - endedAt < GIVE_UP_MS, `${node} still accepts the session after ${GIVE_UP_MS} ms`)
    }
    return performance.now() - endedAt
  })
  times[kind].push(Math.max(...(await Promise.all(refusals))))
}

await forEachOf(trials, AT_ONCE, trial)
const all = [...times.logout, ...times.revocation]
const found = {
  trials: all.length,
  logouts: times.logout.length,
  revocations: times.revocation.length,
  nodes: nodes.length,
  /** The number of 200 responses to requests sent after the end of the session. */
  honouredAfter,
  untilRefusedMs: { p50: percentile(all, 0.5), p99: percentile(all, 0.99), max: Math.max(...all) },
}
console.log(JSON.stringify(found))
agent.destroy()
await redis.close()
