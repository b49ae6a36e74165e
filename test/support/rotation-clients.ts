import type { Request } from './rotation-judge.ts'
import type { Scenario } from './rotation-scenario.ts'

interface Cookie {
  token: string
}

export interface Client {
  name: string
  cookie: Cookie
  left: number
  isLogout: boolean
  /** A copy of the cookie, which the response does not change. */
  isReplay: boolean
  /** Only a thief's requests take longer than the grace period. */
  isPatient: boolean
  request: Request | undefined
  /** Its last command was a write. */
  hasWritten: boolean
  /** The data that its request has read so far, and so its node's knowledge. */
  seen: string
}

/** The browser, the logout and the thieves of the scenario, each with the first token. `jar` has the browser's cookie. */
export function createClients(scenario: Scenario, token: string) {
  const jar: Cookie = { token }
  const client = (name: string, left: number, parts: Partial<Client> = {}): Client => ({
    ...{ name, cookie: jar, left, isLogout: false, isReplay: false, isPatient: false },
    ...{ request: undefined, hasWritten: false, seen: '', ...parts },
  })
  const clients = [
    ...scenario.tabs.map((count, place) => client(`tab ${place + 1}`, count)),
    client('logout', scenario.logouts ?? 0, { isLogout: true }),
    client('thief', scenario.thief ?? 0, { cookie: { token }, isPatient: scenario.isThiefSlow ?? false }),
    client('replay', scenario.replays ?? 0, { cookie: { token }, isReplay: true }),
  ].filter((one) => one.left > 0)
  return { jar, clients }
}
