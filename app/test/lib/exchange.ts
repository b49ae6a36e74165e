import { connect } from 'node:net'

/**
 * What comes back on a bare socket for these very bytes, until the other side closes; empty if it only closes. Fails if it
 * does not: whoever wants an answer sends `Connection: close`, or what no server goes on with.
 */
export async function exchange(port: number, request: string | Uint8Array): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.setTimeout(20_000, () => socket.destroy(new Error('the connection was left open')))
  socket.write(request)
  let answer = ''
  for await (const piece of socket) answer += piece
  return answer
}
