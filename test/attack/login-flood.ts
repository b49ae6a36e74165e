import { setTimeout as sleep } from 'node:timers/promises'
import { succeed } from '../support/command.ts'
import { ADA, type Credentials } from '../support/http.ts'
import { percentile } from '../support/percentile.ts'
import type { Visitor } from '../support/visitor.ts'
import type { Attack, ComposeStack, Finding } from './attack.ts'
import { startElsewhere } from './elsewhere.ts'

const AT_ONCE = 120
const FLOOD_SECONDS = 12
const OTHERS = 20
const WINDOWS = 5
const WINDOW_MS = 1_000
/** Below this response time the factor of two does not apply, because a few milliseconds are noise. */
const FLOOR_MS = 5

/**
 * One client repeatedly sends 120 concurrent logins with the correct password, to keep the processors and the queue busy. More
 * requests would measure the attacker, which shares this machine's processors with the stack.
 */
export const loginFlood: Attack = {
  name: 'login-flood',
  title: `${AT_ONCE} concurrent valid logins of one client, every second for ${FLOOD_SECONDS} s`,
  async run(stack) {
    const others = await createAccounts(stack)
    const reader = await stack.visitor(others[0])
    await typicalP95(reader)
    const before = await typicalP95(reader)
    const words = ['http://nginx:8080', ADA.username, ADA.password, String(AT_ONCE), String(FLOOD_SECONDS)]
    const flood = startElsewhere(stack, new URL('./attackers/good-logins.js', import.meta.url), { words })
    try {
      await stack.lineWith('"event":"login"', '"user":"ada"')
      const [meanwhile, logins] = await Promise.all([typicalP95(reader), logInOneByOne(stack, others)])
      return judge({ before, meanwhile, logins, flood: (await flood.finished()).trim() })
    } finally {
      await flood.stop()
    }
  },
}

interface Seen {
  before: number
  meanwhile: number
  /** The status and duration of each login of another user. */
  logins: { status: number; tookMs: number }[]
  flood: string
}

function judge({ before, meanwhile, logins, flood }: Seen): Finding {
  const loggedIn = logins.filter(({ status }) => status === 200).length
  const slowestMs = Math.max(...logins.map(({ tookMs }) => tookMs))
  const gotThrough: string[] = []
  if (loggedIn < OTHERS) gotThrough.push(`${OTHERS - loggedIn} of ${OTHERS} other users could not log in`)
  if (meanwhile > 2 * Math.max(before, FLOOR_MS))
    gotThrough.push(`reads took ${(meanwhile / before).toFixed(1)} times as long`)
  const reads = `reads p95 ${before.toFixed(1)} → ${meanwhile.toFixed(1)} ms`
  const others = `${reads}, ${loggedIn} of ${OTHERS} logins, the slowest ${Math.round(slowestMs)} ms (the attacker: ${flood})`
  return { others, gotThrough }
}

async function createAccounts(stack: ComposeStack): Promise<Credentials[]> {
  return JSON.parse(await succeed('deploy/test-accounts', ['create', 'other', String(OTHERS)], stack.env))
}

/** The median of the 95th percentiles of several windows, so one pause of this machine does not decide. */
async function typicalP95(reader: Visitor): Promise<number> {
  const windows: number[] = []
  for (let window = 0; window < WINDOWS; window++) {
    const tookMs: number[] = []
    const endsAt = performance.now() + WINDOW_MS
    while (performance.now() < endsAt) {
      const startedAt = performance.now()
      await reader.whoAmI()
      tookMs.push(performance.now() - startedAt)
      await sleep(5)
    }
    windows.push(percentile(tookMs, 0.95))
  }
  return percentile(windows, 0.5)
}

/** Starts the logins at a fixed rate, without waiting for earlier ones. */
function logInOneByOne(stack: ComposeStack, accounts: readonly Credentials[]): Promise<Seen['logins']> {
  return Promise.all(
    accounts.map(async (account, place) => {
      await sleep((place * WINDOWS * WINDOW_MS) / accounts.length)
      const startedAt = performance.now()
      const { status } = await stack.stranger().logIn(account)
      return { status, tookMs: performance.now() - startedAt }
    }),
  )
}
