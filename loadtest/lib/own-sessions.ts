import http from 'k6/http'
import { givenApp } from './app.ts'
import { accounts, connection, settings } from './settings.ts'
import { createVisitor } from './visitor.ts'

interface Listed {
  id: string
  agent: string
  current: boolean
}

/**
 * The teardown of every script: ends all sessions of all virtual users. It finds them by their user agent in each account's
 * session list. Sessions of other browsers remain.
 */
export function endOwnSessions(): void {
  // Another application has no such list. What the load leaves there expires.
  if (givenApp !== undefined) return
  for (const number of accounts.keys()) {
    const visitor = createVisitor(number)
    if (visitor.logIn().status !== 200) continue
    const headers = { Cookie: visitor.cookie() }
    const { status, body } = http.get(`${settings.baseUrl}/api/sessions`, { headers, jar: new http.CookieJar() })
    const { sessions = [] }: { sessions?: Listed[] } =
      status === 200 && typeof body === 'string' ? JSON.parse(body) : {}
    for (const { id, agent, current } of sessions) {
      if (current || agent !== connection.userAgent) continue
      http.del(`${settings.baseUrl}/api/sessions/${id}`, null, { headers, jar: new http.CookieJar() })
    }
    visitor.logOut()
  }
}
