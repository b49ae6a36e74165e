// Loaded before a node of the profile `test`: gives it one more route, which blocks its event loop for so long. This is a
// fault to try, and so it is not in the application.
import { Server } from 'node:http'

const emit = Server.prototype.emit
Server.prototype.emit = function (this: Server, event: string | symbol, ...given: unknown[]) {
  const [request, response] = given as [{ url?: string }, { end(text: string): void }]
  const ms = event === 'request' ? /^\/faults\/block\/(\d{1,5})$/.exec(request.url ?? '')?.[1] : undefined
  if (ms === undefined) return Reflect.apply(emit, this, [event, ...given])
  response.end('blocked\n')
  setImmediate(() => {
    const until = performance.now() + Number(ms)
    while (performance.now() < until);
  })
  return true
}
