// What an operation on a session costs with one kind of Redis, without HTTP and without the password hash.
import type { RedisConnection } from 'app/redis/connection'
import type { SessionStore } from 'app/sessions/session-store'
import { percentile } from '../support/percentile.ts'
import { aUser, storeOn } from '../support/stores.ts'
import { connectTo } from '../support/test-node.ts'
import { forEachOf } from './for-each-of.ts'
import type { Measured } from './kind-servers.ts'

export const OPERATIONS = ['login', 'read', 'logout'] as const
export type Operation = (typeof OPERATIONS)[number]

export interface Cost {
  operation: Operation
  /** The times of one operation after the other. */
  p50Ms: number
  p99Ms: number
  /** How often it waits for Redis. */
  roundTrips: number
  /** Processor time, with 32 operations at a time for each primary. */
  nodeMicros: number
  /** Of all servers, also the replicas. */
  redisMicros: number
  /** Of the server that needs most. */
  busiestMicros: number
}

/** For each primary, so that more of them get as many commands in one packet. */
const AT_ONCE = 32
/** A read renews the session now and then, as in a stack. */
const READS_PER_SESSION = 20

/** Measures each operation on so many sessions. */
export async function measureCosts({ address, servers, primaries }: Measured, sessions: number): Promise<Cost[]> {
  const connection = await connectTo(address, { deadlineMs: 10_000 })
  const { counted, trips } = countTrips(connection, (address.replicas ?? 0) > 0)
  const store = storeOn(counted)
  await runAll(store, Math.ceil(sessions / 4), 1)
  const slow = await runAll(store, Math.ceil(sessions / 4), 1, trips)
  const costs: Cost[] = []
  const tokens: string[] = []
  for (const operation of OPERATIONS) {
    const { ms, roundTrips } = slow[operation]
    const used = await processorTime({ servers }, () =>
      perform(store, operation, tokens, { sessions, atOnce: AT_ONCE * primaries }),
    )
    const count = sessions * (operation === 'read' ? READS_PER_SESSION : 1)
    costs.push({
      ...{ operation, roundTrips, p50Ms: percentile(ms, 0.5), p99Ms: percentile(ms, 0.99) },
      nodeMicros: used.nodeMicros / count,
      redisMicros: used.redisMicros.reduce((sum, micros) => sum + micros, 0) / count,
      busiestMicros: Math.max(...used.redisMicros) / count,
    })
  }
  await connection.close()
  return costs
}

interface Amount {
  sessions: number
  atOnce: number
}

async function perform(store: SessionStore, operation: Operation, tokens: string[], { sessions, atOnce }: Amount) {
  await forEachOf(sessions, atOnce, async (n) => {
    const token = tokens[n] ?? ''
    if (operation === 'login') tokens[n] = (await store.setSession(aUser(`user-${n}`))).token
    else if (operation === 'logout') await store.deleteSession(token)
    else for (let read = 0; read < READS_PER_SESSION; read++) await store.getSession(token)
  })
}

/** One session after the other, from its login to its logout. */
async function runAll(store: SessionStore, sessions: number, reads: number, trips = () => 0) {
  const found = {
    login: { ms: [] as number[], roundTrips: 0 },
    read: { ms: [] as number[], roundTrips: 0 },
    logout: { ms: [] as number[], roundTrips: 0 },
  }
  const timed = async <T>(operation: Operation, work: () => Promise<T>): Promise<T> => {
    const [startedAt, tripsBefore] = [performance.now(), trips()]
    const result = await work()
    found[operation].ms.push(performance.now() - startedAt)
    found[operation].roundTrips += (trips() - tripsBefore) / sessions
    return result
  }
  for (let n = 0; n < sessions; n++) {
    const { token } = await timed('login', () => store.setSession(aUser(`alone-${n}`)))
    for (let read = 0; read < reads; read++) await timed('read', () => store.getSession(token))
    await timed('logout', () => store.deleteSession(token))
  }
  return found
}

/** Counts the calls of a connection that wait for Redis. A write that replicas confirm waits twice: for its reply, and for WAIT. */
function countTrips(connection: RedisConnection, hasReplicas: boolean) {
  let count = 0
  const counted: RedisConnection = {
    ...connection,
    run(key, send) {
      count++
      return connection.run(key, send)
    },
    get(key) {
      count++
      return connection.get(key)
    },
    write(key, send) {
      count += hasReplicas ? 2 : 1
      return connection.write(key, send)
    },
  }
  return { counted, trips: () => count }
}

/** The processor time of this process and of each server during `work`. */
export async function processorTime({ servers }: Pick<Measured, 'servers'>, work: () => Promise<void>) {
  const redisMicros = () => Promise.all(servers.map(cpuOf))
  const before = await redisMicros()
  const own = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(own)
  const after = await redisMicros()
  return { nodeMicros: user + system, redisMicros: after.map((micros, place) => micros - (before[place] ?? 0)) }
}

async function cpuOf({ inspector }: Measured['servers'][number]): Promise<number> {
  const text = await inspector.info('cpu')
  const secondsOf = (name: string) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(text)?.[1])
  return 1e6 * (secondsOf('used_cpu_user') + secondsOf('used_cpu_sys'))
}
