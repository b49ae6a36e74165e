import { ADA, ALAN, type Credentials, GRACE } from '../lib/visitor.ts'
import type { Recorder } from './recorder.ts'

/** The accounts of this run alone, as deploy/test-accounts prints them. Without them, the demo accounts. */
export function accountsOfRun(): readonly Credentials[] {
  const { TEST_ACCOUNTS = '' } = process.env
  return TEST_ACCOUNTS === '' ? [ADA, GRACE, ALAN] : JSON.parse(TEST_ACCOUNTS)
}

/** With those of k6, and some whose logout nobody has acknowledged, an account stays under its ten (SESSION_MAX). */
const MOST_PER_ACCOUNT = 3
const FEWEST = 6
/** What is done in turn. Mostly people look; now and then one comes or goes, or somebody tries an old cookie. */
const TURNS = ['ask', 'login', 'ask', 'ask', 'logout', 'ask', 'ask-ended', 'ask', 'ask', 'ask'] as const
/** Operations a second. */
export const RECORDER_RATE = 40

export interface Load {
  stop(): Promise<void>
}

/**
 * Begins operations at a fixed rate, whether those before them are answered or not: who waits for an answer before asking
 * again hides how long it took (https://grafana.com/docs/k6/latest/using-k6/scenarios/concepts/open-vs-closed/).
 */
export function startLoad(recorder: Recorder): Load {
  const accounts = accountsOfRun()
  const outstanding = new Set<Promise<unknown>>()
  let turn = 0

  function operate(): Promise<unknown> {
    const living = recorder.inState('living')
    const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(Math.random() * from.length)]
    let kind = TURNS[turn++ % TURNS.length]
    const sessionsOf = (account: Credentials) => living.filter((session) => session.account === account).length
    const fewest = Math.min(...accounts.map(sessionsOf))
    const account = accounts.find((one) => sessionsOf(one) === fewest && fewest < MOST_PER_ACCOUNT)
    if (living.length === 0) kind = 'login'
    if (kind === 'login' && account) return recorder.logIn(account)
    if (kind === 'logout') {
      // First those whose logout got no answer, and those of which nothing is claimed any more: both count towards the ten of
      // an account. Otherwise the newest session, so that some are always old.
      const leaving = recorder.inState('ending', 'unknown')[0] ?? (living.length > FEWEST ? living.at(-1) : undefined)
      if (leaving) return recorder.logOut(leaving)
    }
    const asked = kind === 'ask-ended' ? pick(recorder.inState('ended')) : pick(living)
    return asked ? recorder.ask(asked) : Promise.resolve()
  }

  const timer = setInterval(() => {
    const operation = operate().finally(() => outstanding.delete(operation))
    outstanding.add(operation)
  }, 1000 / RECORDER_RATE)

  return {
    async stop() {
      clearInterval(timer)
      await Promise.all(outstanding)
    },
  }
}
