import { once } from 'node:events'
import { request } from 'node:http'

/** A login that withholds its last byte, so the request stays in progress as long as the test needs. */
export async function startSlowLogin(url: string) {
  const body = JSON.stringify({ username: 'ada', password: 'analytical-engine' })
  const login = request(`${url}/auth/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'Content-Length': body.length, Expect: '100-continue' },
  })
  login.flushHeaders()
  // The node requests the body after it has read the headers.
  await once(login, 'continue')
  login.write(body.slice(0, -1))
  return {
    async finish() {
      const answered = once(login, 'response')
      login.end(body.slice(-1))
      const [response] = await answered
      response.resume()
      return response.statusCode
    },
    login,
  }
}
