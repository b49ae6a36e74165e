import http from 'k6/http'
import { accounts, connection, settings } from './settings.ts'
import { createVisitor } from './visitor.ts'

interface Listed {
  id: string
  agent: string
  current: boolean
}

/**
 * The teardown of every script: ends all sessions that k6 has made, in every virtual user, by looking for its user agent in
 * the list that each account has of its sessions. Those of other browsers stay.
 */
export function endOwnSessions(): void {
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
