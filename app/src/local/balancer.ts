import { randomUUID } from 'node:crypto'
import { Agent, type IncomingMessage, type RequestListener, ServerResponse } from 'node:http'
import { createProxyMiddleware, type RequestHandler } from 'http-proxy-middleware'
import type { Logger } from '../logger.ts'
import type { SupervisedNode } from './supervisor.ts'

/** The header of a response for which more than one node was tried. */
const FAILED_OVER = 'X-Failed-Over'
/** Its name in the log and in X-Served-By. */
export const BALANCER = 'balancer'

const NODE_TIMEOUT_MS = 4_000
/** A stream sends a ping every 15 s. */
const STREAM_TIMEOUT_MS = 60_000
const MAX_TRIES = 3
/** No try starts later than this after the first one, so a request does not wait for one node after the other. */
const LAST_TRY_AFTER_MS = 5_000

/** The answers of the balancer itself. */
interface Answers {
  /** Rejects a request that no node may see, and returns whether it did. */
  reject(req: IncomingMessage, res: ServerResponse): boolean
  /** 502: no node answered. 503: no node is ready. */
  fail(res: ServerResponse, status: 502 | 503): void
}

interface Parts {
  nodes: readonly SupervisedNode[]
  /** The path of the event stream, which has a longer timeout. */
  streamPath: string
  answers: Answers
  log: Logger
}

/** The balancer of `npm run lb`: strict round robin over the nodes that listen. In Compose nginx does the same. */
export function createBalancer(parts: Parts): RequestListener {
  const { nodes, streamPath, answers, log } = parts
  const nextPort = createRoundRobin(nodes)
  const proxy = createProxy(nextPort, NODE_TIMEOUT_MS, parts)
  const streamProxy = createProxy(nextPort, STREAM_TIMEOUT_MS, parts)

  return (req, res) => {
    const startedAt = performance.now()
    const { pathname, search } = normalize(req.url ?? '/')
    req.url = pathname + search
    const requestId = randomUUID()
    req.headers['x-request-id'] = requestId
    res.setHeader('X-Request-Id', requestId)
    res.once('close', () => {
      const servedBy = res.getHeader('X-Served-By')
      const ms = Math.round(performance.now() - startedAt)
      log.info({ requestId, method: req.method, path: pathname, status: res.statusCode, servedBy, ms }, 'request')
    })
    if (answers.reject(req, res)) return
    if (!nodes.some(({ port }) => port !== undefined)) return answers.fail(res, 503)
    void (pathname === streamPath ? streamProxy : proxy)(req, res)
  }
}

/** Returns the port of the next node that listens, if possible one that is not in `tried`. Returns 0 if none listens. */
function createRoundRobin(nodes: readonly SupervisedNode[]) {
  let turn = 0
  return (tried: readonly number[]): number => {
    let known = 0
    for (let passed = 0; passed < nodes.length; passed++) {
      const port = nodes[turn++ % nodes.length]?.port
      if (port === undefined) continue
      if (!tried.includes(port)) return port
      known = port
    }
    return known
  }
}

type NextPort = ReturnType<typeof createRoundRobin>

function createProxy(nextPort: NextPort, timeoutMs: number, { answers, log }: Parts): RequestHandler {
  const tries = new WeakMap<IncomingMessage, { startedAt: number; ports: number[] }>()

  /** A retry does not go to the same node: a killed one listens for the supervisor until its exit is known. */
  function chooseNode(req: IncomingMessage): string {
    const tried = tries.get(req) ?? { startedAt: performance.now(), ports: [] }
    const port = nextPort(tried.ports)
    tried.ports.push(port)
    tries.set(req, tried)
    return `http://127.0.0.1:${port}`
  }

  /** A GET can be repeated. A POST cannot: the node may have done the work before the connection broke. */
  function mayRepeat(req: IncomingMessage): boolean {
    const tried = tries.get(req)
    if (!tried || (req.method !== 'GET' && req.method !== 'HEAD')) return false
    return tried.ports.length < MAX_TRIES && performance.now() - tried.startedAt < LAST_TRY_AFTER_MS
  }

  const proxy: RequestHandler = createProxyMiddleware({
    router: chooseNode,
    target: 'http://127.0.0.1:0',
    // Shorter than the keep-alive of the nodes, so a node does not close a connection while a request is sent on it.
    agent: new Agent({ keepAlive: true, timeout: 60_000 }),
    proxyTimeout: timeoutMs,
    on: {
      proxyReq(proxyRequest, req) {
        // Replaces the value of the client, which can be forged.
        proxyRequest.setHeader('X-Forwarded-For', req.socket.remoteAddress ?? '')
        proxyRequest.setHeader('X-Forwarded-Proto', 'http')
      },
      proxyRes(_answer, req, res) {
        if ((tries.get(req)?.ports.length ?? 0) > 1) res.setHeader(FAILED_OVER, 'yes')
      },
      error(error, req, res) {
        if (!(res instanceof ServerResponse) || res.headersSent) {
          res.destroy?.()
          return
        }
        if (mayRepeat(req)) return void proxy(req, res)
        log.warn({ method: req.method, reason: error.message }, 'No node answered')
        answers.fail(res, 502)
      },
    },
  })
  return proxy
}

/** Removes dots and double slashes from the request target, so the path that is checked is the path that is forwarded. */
function normalize(target: string): { pathname: string; search: string } {
  const { pathname, search } = new URL(`http://any/${target}`)
  return { pathname: pathname.replace(/\/{2,}/g, '/'), search }
}
