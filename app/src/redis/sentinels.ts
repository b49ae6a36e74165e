import { createClient } from 'redis'
import { z } from 'zod'
import type { Address } from '../redis-servers.ts'
import { discard, type RedisOptions, type Sentinels, urlOf } from './create-client.ts'
import { withDeadline } from './deadline.ts'
import { describe } from './errors.ts'
import { WrongServer } from './explain-failure.ts'

type Options = RedisOptions & { sentinels: Sentinels }

const addressSchema = z.tuple([z.string(), z.coerce.number()]).nullable()
const masterSchema = z.object({ 'config-epoch': z.coerce.number() })
const ADVICE = 'Check REDIS_SENTINELS, and that the sentinels run'

interface Answer extends Address {
  epoch: number
}

/** The sentinels could not say where the primary is. */
export class SentinelsUnavailable extends WrongServer {
  override readonly name = 'SentinelsUnavailable'
}

/**
 * Asks all sentinels where the primary is, and returns its address. Each failover has a higher epoch, which a majority of the
 * sentinels has agreed on. So the highest epoch is right, and a sentinel that was cut off with the old primary is outvoted.
 * https://redis.io/docs/latest/develop/reference/sentinel-clients/
 * @throws {SentinelsUnavailable} if no sentinel knows
 */
export async function findPrimary(options: Options): Promise<string> {
  const { addresses, primary } = options.sentinels
  const asked = await Promise.allSettled(addresses.map((address) => askSentinel(address, options)))
  const answers = asked.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
  const known = answers.filter((answer) => answer !== undefined)
  const [newest] = known.sort((a, b) => b.epoch - a.epoch)
  if (newest) return urlOf(newest, options)
  if (answers.length > 0)
    throw new SentinelsUnavailable(`the sentinels know no primary of the name ${primary}`, 'Check REDIS_PRIMARY')
  const reasons = asked.map((answer, place) => {
    const { host, port } = addresses[place] ?? { host: '', port: 0 }
    return `${host}:${port}: ${answer.status === 'rejected' ? describe(answer.reason) : ''}`
  })
  throw new SentinelsUnavailable(`no sentinel answers (${reasons.join(', ')})`, adviceFor(reasons.join()))
}

const adviceFor = (reasons: string) =>
  /NOAUTH|WRONGPASS/.test(reasons)
    ? 'Check REDIS_SENTINEL_USERNAME, and the password in REDIS_SENTINEL_PASSWORD or in the file of REDIS_SENTINEL_PASSWORD_FILE'
    : /certificate|altnames/i.test(reasons)
      ? 'Check REDIS_CA_FILE, and that the certificate names this host'
      : ADVICE

/** Undefined if this sentinel does not know the name. */
async function askSentinel(address: Address, options: Options): Promise<Answer | undefined> {
  const client = createSentinelClient(address, options, false)
  const { primary } = options.sentinels
  try {
    const asking = async () => {
      await client.connect()
      const epoch = client.sendCommand(['SENTINEL', 'MASTER', primary]).then(readEpoch, () => 0)
      const named = addressSchema.parse(await client.sendCommand(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', primary]))
      return named ? { host: named[0], port: named[1], epoch: await epoch } : undefined
    }
    return await withDeadline(asking(), options.deadlineMs)
  } finally {
    discard(client)
  }
}

/** Where the account of the sentinels may not send SENTINEL MASTER, all answers count alike. */
const readEpoch = (reply: unknown) => masterSchema.safeParse(reply).data?.['config-epoch'] ?? 0

/**
 * Listens to the sentinels, and calls `onSwitched` when they have made another server the primary. This is only faster than to
 * notice it: a sentinel that is not reached is listened to when it is. Returns a function that ends the listening.
 */
export function watchSentinels(options: Options, onSwitched: () => void): () => void {
  const { addresses, primary } = options.sentinels
  const clients = addresses.map((address) => {
    const client = createSentinelClient(address, options, true)
    void client.connect().catch(() => {})
    // The first word of the message is the name of the primary.
    const onMessage = (message: string) => message.split(' ', 1)[0] === primary && onSwitched()
    void client.subscribe('+switch-master', onMessage).catch(() => {})
    return client
  })
  return () => {
    for (const client of clients) discard(client)
  }
}

const LONGEST_PAUSE_MS = 1_000

function createSentinelClient(address: Address, options: Options, isLasting: boolean) {
  const { sentinels, tls = false, ca, deadlineMs } = options
  const client = createClient({
    url: urlOf(address, options),
    ...(sentinels.username === undefined ? {} : { username: sentinels.username }),
    ...(sentinels.password === undefined ? {} : { password: sentinels.password }),
    disableOfflineQueue: !isLasting,
    commandOptions: { timeout: 0 },
    socket: {
      connectTimeout: 2 * deadlineMs,
      reconnectStrategy: isLasting ? () => LONGEST_PAUSE_MS : false,
      ...(tls && ca !== undefined ? { tls: true, ca } : {}),
    },
  })
  // Without a listener an 'error' event ends the process. The caller gets the same error.
  client.on('error', () => {})
  return client
}
