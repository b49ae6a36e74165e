import { once } from 'node:events'
import { createServer } from 'node:http'

export type Controls = Readonly<Record<string, () => Promise<void>>>

/** Serves POST /-/NAME, for the commands of the descriptions. nginx passes these paths on. */
export async function serveControls(controls: Controls): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer(async (req, res) => {
    const [, name = ''] = /^\/-\/(.+)$/.exec(req.url ?? '') ?? []
    const control = req.method === 'POST' ? controls[name] : undefined
    const error = control === undefined ? 'no such control' : await control().then(() => undefined, String)
    res.writeHead(error === undefined ? 204 : 500).end(error)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
