import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'

export interface Replica {
  name: string
  port: number
  /** Gets no new request. */
  isLeaving: boolean
}

interface Parts {
  port: number
  replicas: readonly Replica[]
  /** POST /-/NAME, for the commands of the descriptions. */
  controls: Readonly<Record<string, () => Promise<void>>>
  /** Binds each browser to a replica with a cookie, as nginx does with `sticky cookie`. */
  hasAffinity?: boolean | undefined
}

/** A plain balancer: strict round robin over the replicas, without affinity by default. A replica that cannot be reached is passed over. */
export async function startBalancer({
  port,
  replicas,
  controls,
  hasAffinity = false,
}: Parts): Promise<() => Promise<void>> {
  let turn = 0
  const next = (bound?: string) => {
    const able = replicas.filter(({ isLeaving }) => !isLeaving)
    return able.find(({ name }) => name === bound) ?? able[turn++ % able.length]
  }

  function pass(req: IncomingMessage, res: ServerResponse, body: Buffer, triesLeft = replicas.length): void {
    const [, bound] = /\broute=([^;]+)/.exec(req.headers.cookie ?? '') ?? []
    // A bound browser whose replica cannot be reached gets another one.
    const replica = next(triesLeft === replicas.length && hasAffinity ? bound : undefined)
    if (replica === undefined || triesLeft === 0) return void res.writeHead(502).end()
    const headers = { ...req.headers, 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http' }
    const onward = request(
      { port: replica.port, host: '127.0.0.1', method: req.method, path: req.url, headers },
      (answer) => {
        if (hasAffinity)
          answer.headers['set-cookie'] = [...(answer.headers['set-cookie'] ?? []), `route=${replica.name}; Path=/`]
        res.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(res)
      },
    )
    // As nginx does: only a request that no replica has received is sent again.
    onward.on('error', (error) => {
      if ('code' in error && error.code === 'ECONNREFUSED') pass(req, res, body, triesLeft - 1)
      else if (res.headersSent) res.destroy()
      else res.writeHead(502).end()
    })
    res.on('close', () => onward.destroy())
    onward.end(body)
  }

  const server = createServer(async (req, res) => {
    const [, name = ''] = /^\/-\/(.+)$/.exec(req.url ?? '') ?? []
    const control = req.method === 'POST' ? controls[name] : undefined
    if (control !== undefined) {
      await control()
      return void res.writeHead(204).end()
    }
    const pieces: Buffer[] = []
    for await (const piece of req) pieces.push(piece)
    pass(req, res, Buffer.concat(pieces))
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
  return async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}
