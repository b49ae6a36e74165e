import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Program, runNode } from './program.ts'
import { until } from './until.ts'

/** Nodes as programs behind a round-robin balancer, under names that tests choose. A node that ends is not started again. */
export interface PageNodes {
  url: string
  /** Starts one more node. */
  add(name: string, env?: Record<string, string>): Promise<void>
  /** Ends the node without a warning, like a crash. */
  kill(name: string): Promise<void>
  /** Stops the node properly: it drains. With `keepsTurns`, the balancer tries it until it is added again. */
  drain(name: string, options?: { keepsTurns: boolean }): Promise<void>
  /** Waits until each node that runs is connected to Redis. */
  untilReady(): Promise<void>
  /**
   * Whether the balancer sends a GET to another node after a 502, as nginx does. A new balancer does. Without it, a node that has
   * ended keeps its turns until it is added again.
   */
  setFailover(isOn: boolean): void
  /** Breaks all connections of browsers. The nodes continue. */
  disconnect(): void
  stop(): Promise<void>
}

interface Node {
  name: string
  hasEnded: boolean
  program: Program
  url: string
}

/** Paths below /control lead to nodes whose names begin with "control", as in Compose. */
const CONTROL = '/control'
const MOST_TRIES = 3

export async function startPageNodes(redisUrl: string, names: readonly string[]): Promise<PageNodes> {
  let nodes: Node[] = []
  let turn = 0
  let hasFailover = true

  function next(isControl: boolean): Node | undefined {
    const fitting = nodes.filter(({ name }) => name.startsWith('control') === isControl)
    return fitting[turn++ % fitting.length]
  }

  async function add(name: string, env: Record<string, string> = {}): Promise<void> {
    const program = runNode('server', { REDIS_URL: redisUrl, NODE_NAME: name, TRUST_PROXY_HOPS: '1', ...env })
    const { url } = await program.listening()
    nodes = [...nodes.filter((one) => one.name !== name), { name, program, url, hasEnded: false }].sort((a, b) =>
      a.name.localeCompare(b.name),
    )
  }

  async function end(name: string, signal: NodeJS.Signals, keepsTurns = false): Promise<void> {
    const node = nodes.find((one) => one.name === name)
    if (!node) return
    node.hasEnded = true
    node.program.signal(signal)
    await node.program.ended
    if (hasFailover && !keepsTurns) nodes = nodes.filter((one) => one !== node)
  }

  const isReady = ({ url }: Node) => fetch(`${url}/readyz`).then(({ ok }) => ok)

  const pass = createPass(next, () => hasFailover)
  const server = createServer((req, res) => pass(req, res))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  await Promise.all(names.map((name) => add(name)))
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    add,
    kill: (name) => end(name, 'SIGKILL'),
    drain: (name, { keepsTurns } = { keepsTurns: false }) => end(name, 'SIGTERM', keepsTurns),
    async untilReady() {
      for (const node of nodes.filter(({ hasEnded }) => !hasEnded))
        await until(`${node.name} is ready`, () => isReady(node))
    },
    setFailover(isOn) {
      hasFailover = isOn
    },
    disconnect: () => server.closeAllConnections(),
    async stop() {
      server.closeAllConnections()
      server.close()
      await Promise.all(nodes.map(({ name }) => end(name, 'SIGKILL')))
    },
  }
}

/** Passes requests on to the nodes that `next` picks. */
function createPass(next: (isControl: boolean) => Node | undefined, hasFailover: () => boolean) {
  return function pass(req: IncomingMessage, res: ServerResponse, triesLeft = MOST_TRIES): void {
    const isControl = req.url?.startsWith(`${CONTROL}/`) === true
    const path = isControl ? req.url?.slice(CONTROL.length) : req.url
    const node = next(isControl)
    if (!node || triesLeft === 0) {
      res.writeHead(isControl ? 503 : 502, { 'Content-Type': 'application/problem+json' })
      return void res.end(JSON.stringify({ title: isControl ? 'The control nodes are not up' : 'No node answered' }))
    }
    const headers = { ...req.headers, 'x-forwarded-proto': 'http', 'x-forwarded-for': '127.0.0.1' }
    const mayRetry = hasFailover() && req.method === 'GET' && triesLeft > 1
    const onward = request(node.url + path, { method: req.method ?? 'GET', headers }, (answer) => {
      // The node drains: nginx/parts/failover.conf.
      if (answer.statusCode === 502 && mayRetry) {
        answer.resume()
        pass(req, res, triesLeft - 1)
        return
      }
      const failedOver = triesLeft < MOST_TRIES ? { 'x-failed-over': 'yes' } : {}
      res.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...failedOver })
      answer.pipe(res)
      answer.on('error', () => res.destroy())
    })
    onward.on('error', () => {
      if (res.headersSent) res.destroy()
      else if (mayRetry) pass(req, res, triesLeft - 1)
      // As a balancer answers. Chromium would silently repeat a GET whose kept connection breaks without an answer.
      else if (req.method === 'GET') res.writeHead(502).end()
      else res.destroy()
    })
    res.on('close', () => onward.destroy())
    req.pipe(onward)
  }
}

/** The nodes of the experiment, which keep sessions in their own memory. */
export const CONTROL_NODES = ['control-1', 'control-2', 'control-3']
export const CONTROL_ENV = { SESSION_STORE: 'memory', SESSION_COOKIE: 'control-sid' }
