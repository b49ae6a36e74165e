import { succeed } from '../support/command.ts'
import { ADA, ALAN, type Credentials, GRACE } from '../support/http.ts'
import type { KnownSession } from './history.ts'
import type { Recorder } from './recorder.ts'

/** The test accounts of this run, as deploy/test-accounts prints them. Without them, the demo accounts. */
export function accountsOfRun(): readonly Credentials[] {
  const { TEST_ACCOUNTS = '' } = process.env
  return TEST_ACCOUNTS === '' ? [ADA, GRACE, ALAN] : JSON.parse(TEST_ACCOUNTS)
}

/** Lets the test accounts of this run live for another hour. */
export async function keepAccountsOfRun(): Promise<void> {
  if (process.env.TEST_ACCOUNTS) await succeed('deploy/test-accounts', ['keep'])
}

/** Together with the sessions of k6 and unacknowledged logouts, an account stays below its limit of ten (SESSION_MAX). */
const MOST_PER_ACCOUNT = 3
const FEWEST = 6
/** An account may log in 30 times within 15 seconds (LOGINS_PER_MINUTE). The rest is for k6 and for the end of the drill. */
const LOGIN_WINDOW_MS = 15_000
const MOST_LOGINS = 20
/** A login that is older may not revoke sessions (SESSION_FRESH_SECONDS, 600). In a soak, sessions get older than that. */
const FRESH_MS = 500_000
/** The sequence of operations: mostly reads, some logins and logouts, and some requests with an old cookie. */
const TURNS = ['ask', 'login', 'ask', 'ask', 'logout', 'ask', 'ask-ended', 'ask', 'ask', 'ask'] as const
/** Operations a second. */
export const RECORDER_RATE = 40

interface LoadOptions {
  /** Every second session that ends is revoked by another one of its user. */
  revokes?: boolean
}

export interface Load {
  stop(): Promise<void>
}

/**
 * Starts operations at a fixed rate, without waiting for earlier responses. A client that waits would hide slow responses
 * (https://grafana.com/docs/k6/latest/using-k6/scenarios/concepts/open-vs-closed/).
 */
export function startLoad(
  recorder: Pick<Recorder, 'inState' | 'logIn' | 'logOut' | 'revoke' | 'ask' | 'now'>,
  { revokes = false }: LoadOptions = {},
): Load {
  /** The account of the oldest login first. */
  const accounts = [...accountsOfRun()]
  const logins: { account: Credentials; atMs: number }[] = []
  /** The accounts of the logins without a response so far. */
  const loggingIn: Credentials[] = []
  const outstanding = new Set<Promise<unknown>>()
  let turn = 0

  /** The logins of the account within the window. */
  function loginsOf(account: Credentials): number {
    while (logins[0] && recorder.now() - logins[0].atMs > LOGIN_WINDOW_MS) logins.shift()
    return logins.filter((one) => one.account === account).length
  }

  function operate(): Promise<unknown> {
    const living = recorder.inState('living')
    const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(Math.random() * from.length)]
    let kind = TURNS[turn++ % TURNS.length]
    const taken = [...living.map((session) => session.account), ...loggingIn]
    const sessionsOf = (account: Credentials) => taken.filter((one) => one === account).length
    const account = accounts.find((one) => sessionsOf(one) < MOST_PER_ACCOUNT && loginsOf(one) < MOST_LOGINS)
    if (living.length === 0) kind = 'login'
    if (kind === 'login' && account) {
      accounts.push(...accounts.splice(accounts.indexOf(account), 1))
      logins.push({ account, atMs: recorder.now() })
      loggingIn.push(account)
      return recorder.logIn(account).finally(() => loggingIn.splice(loggingIn.indexOf(account), 1))
    }
    if (kind === 'logout') {
      // First the sessions without a response to their logout and those in an unknown state: both count towards the limit of
      // ten. Otherwise the newest session, so some sessions are always old.
      const leaving = recorder.inState('ending', 'unknown')[0] ?? (living.length > FEWEST ? living.at(-1) : undefined)
      const isFresh = ({ createdMs }: KnownSession) => recorder.now() - createdMs < FRESH_MS
      const by = living.find((one) => one !== leaving && one.account === leaving?.account && isFresh(one))
      if (revokes && leaving?.state === 'living' && by && turn % 20 < 10) return recorder.revoke(leaving, by)
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
