// Faults of a primary that has other settings than its replicas: make up REDIS=sentinel. A replica is recreated with them and
// promoted under load, so that users notice only the fault.
import { setTimeout as sleep } from 'node:timers/promises'
import { command } from '../support/command.ts'
import { loginElsewhere, PROMOTED_MS } from './failing-over.ts'
import { failover } from './failover.ts'
import { onSmallDisk, SMALL_DISK_SETTINGS, withFullDisk } from './redis-fails.ts'
import { remake } from './remake.ts'
import { openServers, redisKind, type Servers } from './servers.ts'
import type { Stack } from './stack.ts'

/** The last one, so that a fresh stack needs no failover to free it. */
const CHANGED = 'redis-c-1'
const SERVICE = CHANGED.replace(/-1$/, '')
const MOST_FAILOVERS = 5

/** Makes another Redis the primary, or with `wanted` this one. The sentinels choose by priority. */
async function promote(servers: Servers, wanted: boolean): Promise<void> {
  await servers.ask(CHANGED, 'CONFIG', 'SET', 'replica-priority', wanted ? '1' : '200')
  for (let attempt = 0; attempt < MOST_FAILOVERS; attempt++) {
    await servers.whole()
    if (((await servers.group()).primary === CHANGED) === wanted) return
    // The sentinels read the priorities every ten seconds.
    if (attempt > 0) await sleep(5_000)
    await command('deploy/failover', [])
  }
  throw new Error(`${CHANGED} is ${wanted ? 'not ' : ''}the primary after ${MOST_FAILOVERS} failovers`)
}

/** Recreates the replica with these settings. */
async function change(stack: Stack, settings: (command: string[]) => object): Promise<Servers> {
  const servers = openServers(stack, await redisKind(stack))
  await promote(servers, false)
  const { services } = JSON.parse(await stack.compose('config', '--format', 'json'))
  await remake(SERVICE, settings(services[SERVICE].command))
  await servers.whole()
  return servers
}

async function changeBack(servers: Servers): Promise<void> {
  await promote(servers, false)
  await remake(SERVICE)
  await servers.whole()
}

/** It answers no PING then (MISCONF), so the sentinels replace it, although it runs. */
export const fullDiskOfPrimary = failover(
  { name: 'full-disk-of-primary', title: 'The disk of the primary is full' },
  async (stack, watch) => {
    const servers = await change(stack, (words) => ({ command: onSmallDisk(words), ...SMALL_DISK_SETTINGS }))
    try {
      await promote(servers, true)
      await withFullDisk(stack, watch, CHANGED, async () => {
        const fullMs = watch.now()
        await loginElsewhere(watch, fullMs)
        watch.expectWithin(watch.now() - fullMs, PROMOTED_MS, 'a login at another primary')
      })
      watch.mended()
    } finally {
      await changeBack(servers)
    }
  },
)
