/** The few requests that tests of a node make again and again. */
export function post(
  url: string,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(url + path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json', ...headers },
  })
}

export const getUser = (url: string, cookie: string) => fetch(`${url}/api/user`, { headers: { Cookie: cookie } })

/** The cookie that an answer sets, as a browser would send it back; empty if it sets none. */
export const cookieOf = (response: Response) => (response.headers.getSetCookie()[0] ?? '').split(';', 1)[0] ?? ''
