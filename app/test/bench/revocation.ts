// How long a session that has ended is still honoured by another node with SESSION_CACHE=on: ends TRIALS sessions, each known
// to every node, and asks the other nodes without a pause until they refuse. Prints what it found as JSON.
import assert from 'node:assert/strict'
import { lookup } from 'node:dns/promises'
import { Agent, request } from 'node:http'
import { createSessionStore } from '../../src/utils/redis-session.ts'
import { AGENT, connect, forEachOf, log, percentile, sessionOptions } from './near-redis.ts'

const trials = Number(process.env.TRIALS || 10_000)
const AT_ONCE = 3
/** Longer than that is no answer to "until when", but a session that lives. */
const GIVE_UP_MS = 5_000

const nodes = (await lookup('app', { all: true, family: 4 })).map(({ address }) => address)
assert.ok(nodes.length > 1, 'there is only one node')
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
  // Twice: the first time the node gets to know it, the second time it has it in its memory.
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
      assert.ok(performance.now() - endedAt < GIVE_UP_MS, `${node} still honours it after ${GIVE_UP_MS} ms`)
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
  /** How often a node answered 200 to what was sent after the session had ended. */
  honouredAfter,
  untilRefusedMs: { p50: percentile(all, 0.5), p99: percentile(all, 0.99), max: Math.max(...all) },
}
console.log(JSON.stringify(found))
agent.destroy()
await redis.close()
