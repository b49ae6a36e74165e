import { ErrorReply } from '@redis/client'
import type { Logger } from '../logger.ts'
import type { Address } from '../redis-servers.ts'
import { describeAddress, discard, urlOf } from './create-client.ts'
import { describe } from './errors.ts'
import { createSentinelClient, type SentinelOptions } from './sentinel-client.ts'
import { findPrimary, PrimaryIsBeingReplaced } from './sentinels.ts'

type OnChange = (change: string, address?: string) => void

/**
 * Listens to the sentinels. Calls `onChange` when one of them starts to replace the primary, and when they have replaced it, with
 * the address of the new one. A sentinel that is not reached is listened to when it is. Returns a function that ends the listening.
 */
export function watchSentinels(options: SentinelOptions, onChange: OnChange, log: Pick<Logger, 'error'>): () => void {
  // The same for each connection: node-redis keeps earlier listeners.
  const subscriptions = createSubscriptions(options, onChange)
  const clients = options.sentinels.addresses.map((address) => {
    const client = createSentinelClient(address, options, true)
    let isRefused = false
    // On each connection: a subscription that was sent and not answered is not repeated by node-redis.
    client.on('ready', () =>
      listenTo(client, subscriptions, options, onChange).then(
        () => {
          isRefused = false
        },
        (error: unknown) => {
          if (isRefused || !(error instanceof ErrorReply)) return
          isRefused = true
          log.error(
            `Failed to listen to the sentinel ${address.host}:${address.port}: ${describe(error)}. ${CHANNELS_ADVICE}`,
          )
        },
      ),
    )
    void client.connect().catch(() => {})
    return client
  })
  return () => {
    for (const client of clients) discard(client)
  }
}

const CHANNELS_ADVICE = 'Give the user of REDIS_SENTINEL_USERNAME the channels of deploy/sentinel-users.acl'

const createSubscriptions = (options: SentinelOptions, onChange: OnChange) =>
  Object.entries(SENTINEL_CHANNELS).map(([channel, { change, primaryOf }]) => {
    const onMessage = (message: string) => {
      const { name, address } = primaryOf(message.split(' '))
      if (name === options.sentinels.primary) onChange(change, address && describeAddress(urlOf(address, options)))
    }
    return { channel, onMessage }
  })

async function listenTo(
  client: ReturnType<typeof createSentinelClient>,
  subscriptions: ReturnType<typeof createSubscriptions>,
  options: SentinelOptions,
  onChange: OnChange,
): Promise<void> {
  for (const { channel, onMessage } of subscriptions) await client.subscribe(channel, onMessage)
  // What was published before the subscription is past.
  await findPrimary(options).then(
    (url) => onChange(SENTINEL_CHANNELS['+switch-master'].change, describeAddress(url)),
    (error: unknown) => {
      if (error instanceof PrimaryIsBeingReplaced) onChange(SENTINEL_CHANNELS['+try-failover'].change)
    },
  )
}

/**
 * What a node listens to, and what the words of a message mean: the name of the primary, and the address of a new one.
 * deploy/sentinel-users.acl allows these channels.
 * https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/#pubsub-messages
 */
export const SENTINEL_CHANNELS = {
  '+try-failover': {
    change: 'the sentinels are replacing the primary',
    primaryOf: ([, name]: string[]): Replaced => ({ name }),
  },
  '+switch-master': {
    change: 'the sentinels have switched to another primary',
    primaryOf: ([name, , , host, port]: string[]): Replaced => ({
      name,
      ...(host !== undefined && port !== undefined && { address: { host, port: Number(port) } }),
    }),
  },
}
interface Replaced {
  name: string | undefined
  address?: Address
}
