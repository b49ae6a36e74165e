import type { Logger } from '../logger.ts'
import type { RedisClient, RedisOptions } from './create-client.ts'
import type { Place } from './keep-connected.ts'
import { openLink } from './link.ts'
import { createReplicatedWrites } from './replicated-writes.ts'

/** As often as a heartbeat: so long a primary that was cut off can still be believed after it knows that it is alone. */
const PROBE_MS = 400

export type Primary = Awaited<ReturnType<typeof connectPrimary>>

/**
 * The connections to one primary: one for everything, and one for rare writes if replicas have to confirm them.
 * RedisConnection describes its functions.
 */
export async function connectPrimary(options: RedisOptions, place: Place, log: Logger) {
  const { replicas = 0, deadlineMs } = options
  const link = await openLink(options, place, log)
  const { run } = link
  if (replicas === 0) {
    const settle = async () => {}
    return { ...link, write: run, undo: run, settle, isLacking: () => false }
  }

  const writer = await openLink({ ...options, cacheEntries: 0 }, place, log).catch(async (error: unknown) => {
    await link.close()
    throw error
  })
  const { write, isLacking } = createReplicatedWrites(writer, { replicas, deadlineMs })
  const stopProbe = probe(run)
  return {
    ...link,
    write,
    undo: writer.run,
    settle: async (key: string) => void (await write(key, (client) => client.atomic.settle(key))),
    isLacking,
    whyNotReady: async () => (await link.whyNotReady()) ?? writer.whyNotReady(),
    relocate(reason: Error, address?: string): void {
      link.relocate(reason, address)
      writer.relocate(reason, address)
    },
    async close(): Promise<void> {
      stopProbe()
      await Promise.all([link.close(), writer.close()])
    },
  }
}

/** Asks all the time whether the primary may still write: reads alone do not show that the others have replaced it. */
function probe(run: (key: string, send: (client: RedisClient) => Promise<unknown>) => Promise<unknown>): () => void {
  const ask = () => void run('', (client) => client.atomic.writable()).catch(() => {})
  const timer = setInterval(ask, PROBE_MS)
  timer.unref()
  return () => clearInterval(timer)
}
