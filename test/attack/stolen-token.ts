import { ADA, ALAN, GRACE } from '../support/http.ts'
import { until } from '../support/until.ts'
import { createVisitor, type Visitor } from '../support/visitor.ts'
import type { Attack, ComposeStack } from './attack.ts'

const SECONDS = { rotate: 2, grace: 1 }
const THEFTS = 6
/** Several sessions of each account. */
const LOSSY_SESSIONS = 12
const LOSSY_ROUNDS = 3

/** An attacker copies tokens and replays them after their replacement, while the network loses responses. */
export const stolenToken: Attack = {
  name: 'stolen-token',
  title: `Copies ${THEFTS} tokens and replays each after its replacement, while the network loses every response with a new token`,
  settings: {
    SESSION_ROTATE: String(SECONDS.rotate),
    SESSION_ROTATE_GRACE: String(SECONDS.grace),
    SESSION_RENEW_SECONDS: '0',
    SESSION_MAX: '100',
  },
  async run(stack) {
    const [lost, thefts] = await Promise.all([loseAnswers(stack), stealTokens(stack)])
    const gotThrough: string[] = []
    if (lost > 0) gotThrough.push(`${lost} of ${LOSSY_SESSIONS} users lost their session with a lost response`)
    if (thefts.living > 0) gotThrough.push(`${thefts.living} of ${THEFTS} stolen sessions continued after the replay`)
    if (thefts.unexplained > 0) gotThrough.push(`${thefts.unexplained} of ${THEFTS} victims got no reason`)
    if (thefts.unlogged > 0) gotThrough.push(`${thefts.unlogged} of ${THEFTS} replays are not in the log`)
    return {
      others:
        `${LOSSY_SESSIONS - lost} of ${LOSSY_SESSIONS} users with lost responses stay logged in, ` +
        `${THEFTS - thefts.unexplained} of ${THEFTS} victims get the reason why their session ended`,
      gotThrough,
    }
  },
}

/** Returns the number of lost sessions of browsers that never receive a new token: each request has the first one. */
async function loseAnswers(stack: ComposeStack): Promise<number> {
  const sessions = await visitors(stack, LOSSY_SESSIONS)
  let lost = 0
  for (let round = 0; round < LOSSY_ROUNDS; round++) {
    await pass(SECONDS.rotate + SECONDS.grace)
    const answers = await Promise.all(sessions.map((session) => session.copy().whoAmI()))
    lost = Math.max(lost, answers.filter(({ status }) => status !== 200).length)
  }
  return lost
}

async function stealTokens(stack: ComposeStack) {
  const victims = await visitors(stack, THEFTS)
  const thieves = victims.map((victim) => victim.copy())
  const ids = await Promise.all(victims.map(async (victim) => (await victim.whoAmI()).body.session?.id ?? ''))
  await Promise.all(
    victims.map((victim, place) =>
      until('the token is replaced and the new one used', async () => {
        await victim.whoAmI()
        return victim.token() !== thieves[place]?.token() && (await victim.whoAmI()).status === 200
      }),
    ),
  )
  await pass(SECONDS.grace)
  await Promise.all(thieves.map((thief) => thief.copy().whoAmI()))
  const answers = await Promise.all(victims.map((victim) => victim.whoAmI()))
  const reasons = await Promise.all(victims.map((victim) => victim.whoAmI()))
  const logged = await Promise.all(
    ids.map((id) =>
      stack.lineWith('"event":"token_reused"', `"sessionId":"${id}"`).then(
        () => true,
        () => false,
      ),
    ),
  )
  return {
    living: answers.filter(({ status }) => status === 200).length,
    unexplained: reasons.filter(({ text }) => !text.includes('"reason":"token_reused"')).length,
    unlogged: logged.filter((isLogged) => !isLogged).length,
  }
}

async function visitors(stack: ComposeStack, count: number): Promise<Visitor[]> {
  const accounts = [ADA, GRACE, ALAN]
  const sessions = Array.from({ length: count }, () => createVisitor(stack.url()))
  for (const [place, session] of sessions.entries()) await session.logIn(accounts[place % accounts.length])
  return sessions
}

/** Waits for a time, because the behaviour after it is tested. */
async function pass(seconds: number): Promise<void> {
  const from = Date.now()
  await until('the time has passed', () => Date.now() - from > seconds * 1000 + 100)
}
