// Loaded before the node of compose.yml. Adds a route that blocks the event loop for a number of milliseconds. The
// application itself has no such route.
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
