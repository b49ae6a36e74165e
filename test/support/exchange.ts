import { connect } from 'node:net'

/**
 * Sends exactly these bytes and returns the response until the server closes, which may be empty. Fails if the server does
 * not close. The request must have `Connection: close` or be invalid.
 */
export async function exchange(port: number, request: string | Uint8Array): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.setTimeout(20_000, () => socket.destroy(new Error('the server did not close the connection')))
  socket.write(request)
  let answer = ''
  for await (const piece of socket) answer += piece
  return answer
}
