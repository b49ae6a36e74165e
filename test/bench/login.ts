// Measures what a login costs beside the password hash. The hash takes most of the time, and differs between
// two measurements by more than the rest. So it is not measured alone and subtracted. A node hashes in a thread of its own, and
// Linux counts the processor time of each thread: the hash is subtracted as it was in these very logins.
import { setTimeout as sleep } from 'node:timers/promises'
import { succeed } from '../support/command.ts'
import { ADA, ALAN, GRACE, logIn } from '../support/http.ts'
import { forEachOf } from './for-each-of.ts'
import type { Subject } from './measure.ts'
import type { Bench } from './stack.ts'
import { PARTS, type Part } from './tier.ts'

/** Processor time per login. */
export interface LoginCost {
  hashMs: number
  /** Without the hash, and without what the stack uses when it is idle. */
  besideMs: Record<Part, number>
}

/** SESSION_MAX allows this many sessions of an account. With more, a login would also evict one. */
const LOGINS_PER_ACCOUNT = 10
const ACCOUNTS = [ADA, GRACE, ALAN]
const LEAST_IDLE_MS = 1_000

/** Logs in thirty times, as many at once as there are nodes. Deletes all sessions before. */
export async function measureLogins(bench: Bench, { tier, url, containers }: Subject): Promise<LoginCost> {
  const count = LOGINS_PER_ACCOUNT * ACCOUNTS.length
  // Deletes the counts of the login throttle too. The nodes notice that their heartbeats are missing, and write them again.
  await bench.redis(tier, 'FLUSHALL')
  await sleep(1_000)
  const hashedBefore = await hashMillis(containers.app)
  const busy = await spent(bench, containers, () =>
    forEachOf(count, containers.app.length, async (n) => {
      const response = await logIn(url, ACCOUNTS[n % ACCOUNTS.length])
      if (!response.ok) throw new Error(`A login failed: ${response.status} ${await response.text()}`)
      await response.arrayBuffer()
    }),
  )
  const hashMs = (await hashMillis(containers.app)) - hashedBefore
  // As long as the logins took, so the idle cost need not be extrapolated.
  const idle = await spent(bench, containers, () => sleep(Math.max(LEAST_IDLE_MS, busy.ms)))

  const perLogin = (part: Part) => (busy.cpuMs[part] - (idle.cpuMs[part] * busy.ms) / idle.ms) / count
  const [app, redis, nginx] = PARTS.map(perLogin)
  return {
    hashMs: hashMs / count,
    besideMs: { app: (app ?? Number.NaN) - hashMs / count, redis: redis ?? Number.NaN, nginx: nginx ?? Number.NaN },
  }
}

async function spent(bench: Bench, containers: Subject['containers'], work: () => Promise<unknown>) {
  const startedAt = performance.now()
  const before = await bench.cpuOf(containers)
  await work()
  const after = await bench.cpuOf(containers)
  const cpuMs = (part: Part) => (after[part] - before[part]) / 1000
  return {
    ms: performance.now() - startedAt,
    cpuMs: { app: cpuMs('app'), redis: cpuMs('redis'), nginx: cpuMs('nginx') },
  }
}

/** The processor time so far of the threads that hash passwords, on all nodes. */
async function hashMillis(nodes: readonly string[]): Promise<number> {
  const each = nodes.map(async (node) => {
    const files = 'grep -H . /proc/[0-9]*/task/*/stat /proc/[0-9]*/task/*/schedstat'
    // grep fails if a thread has ended meanwhile.
    return hashNanos(await succeed('docker', ['exec', node, 'sh', '-c', `${files} 2> /dev/null || true`]))
  })
  return (await Promise.all(each)).reduce((sum, one) => sum + one, 0) / 1e6
}

/** The priority that app/src/users/hash-thread.ts gives its thread. No other thread of a node has one. */
const NICE = 10

/**
 * The nanoseconds of the hash threads, from the lines PATH:CONTENT of /proc. Before its first login a node has no such thread.
 * https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
 */
export function hashNanos(lines: string): number {
  const contents = new Map(lines.split('\n').map((line) => [line.split(':', 1)[0] ?? '', line]))
  const nanos = [...contents].flatMap(([path, line]) => {
    if (!path.endsWith('/stat')) return []
    // The name of a thread can have spaces and parentheses. The 3rd field follows the last one; the 19th is the priority.
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
    if (Number(fields[16]) !== NICE) return []
    const counted = contents.get(path.replace(/stat$/, 'schedstat'))
    return [Number(counted?.split(':')[1]?.split(' ')[0])]
  })
  return nanos.reduce((sum, one) => sum + one, 0)
}
