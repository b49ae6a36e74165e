import { z } from 'zod'
import type { Address } from '../redis-servers.ts'
import { discard, urlOf } from './create-client.ts'
import { withDeadline } from './deadline.ts'
import { describe } from './errors.ts'
import { WrongServer } from './explain-failure.ts'
import { createSentinelClient, type SentinelOptions } from './sentinel-client.ts'

const addressSchema = z.tuple([z.string(), z.coerce.number()]).nullable()
const masterSchema = z.object({
  ...{ ip: z.string(), port: z.coerce.number(), flags: z.string() },
  'config-epoch': z.coerce.number(),
})
const ADVICE = 'Check REDIS_SENTINELS, and that the sentinels run'

interface Answer extends Address {
  epoch: number
  /** The sentinel is about to promote a replica of this primary. */
  isBeingReplaced: boolean
}

/** The sentinels could not say where the primary is. */
export class SentinelsUnavailable extends WrongServer {
  override readonly name: string = 'SentinelsUnavailable'
}

/** A failover has begun, so there is no primary for some seconds. */
export class PrimaryIsBeingReplaced extends SentinelsUnavailable {
  override readonly name = 'PrimaryIsBeingReplaced'
}

/**
 * Asks all sentinels where the primary is, and returns its address. Each failover has a higher epoch, which a majority of the
 * sentinels has agreed on. So the highest epoch is right, and a sentinel that was cut off with the old primary is outvoted.
 *
 * A primary that is being replaced may still run, and a replica that has not been told yet still confirms its writes. The promoted
 * one does not get them, so they would be lost. Such a primary is none.
 * https://redis.io/docs/latest/develop/reference/sentinel-clients/
 * @throws {SentinelsUnavailable} if no sentinel knows, or a failover has begun
 */
export async function findPrimary(options: SentinelOptions): Promise<string> {
  const { addresses, primary } = options.sentinels
  const asked = await Promise.allSettled(addresses.map((address) => askSentinel(address, options)))
  const answers = asked.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
  const known = answers.filter((answer) => answer !== undefined)
  const [newest] = known.sort((a, b) => b.epoch - a.epoch)
  if (newest && known.some(({ epoch, isBeingReplaced }) => isBeingReplaced && epoch === newest.epoch))
    throw new PrimaryIsBeingReplaced(
      `the sentinels are replacing ${newest.host}:${newest.port}`,
      'This takes some seconds',
    )
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
      : /NOPERM/.test(reasons)
        ? 'Give the user of REDIS_SENTINEL_USERNAME the commands of deploy/sentinel-users.acl'
        : ADVICE

/** Undefined if this sentinel does not know the name. */
async function askSentinel(address: Address, options: SentinelOptions): Promise<Answer | undefined> {
  const client = createSentinelClient(address, options, false)
  const { primary } = options.sentinels
  try {
    const asking = async () => {
      await client.connect()
      const state = client.sendCommand(['SENTINEL', 'MASTER', primary]).then(readState, () => undefined)
      const named = addressSchema.parse(await client.sendCommand(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', primary]))
      return named ? answerOf(named, await state) : undefined
    }
    return await withDeadline(asking(), options.deadlineMs)
  } finally {
    discard(client)
  }
}

const readState = (reply: unknown) => masterSchema.safeParse(reply).data

/** Where the account of the sentinels may not send SENTINEL MASTER, all answers count alike. */
function answerOf([host, port]: [string, number], state: z.infer<typeof masterSchema> | undefined): Answer {
  if (!state) return { host, port, epoch: 0, isBeingReplaced: false }
  const { flags, ip, 'config-epoch': epoch } = state
  // From the promotion on, the sentinel names the promoted one here, and the old one in its state.
  const isOld = host === ip && port === state.port
  return { host, port, epoch, isBeingReplaced: isOld && flags.split(',').includes('failover_in_progress') }
}
