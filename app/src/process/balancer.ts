import { randomUUID } from 'node:crypto'
import { Agent, type IncomingMessage, type RequestListener, ServerResponse } from 'node:http'
import { createProxyMiddleware } from 'http-proxy-middleware'
import type { Logger } from '../logger.ts'
import type { SupervisedNode } from './supervisor.ts'

/** The nodes' own business: probes and metrics are for whoever runs them, not for the public. As in nginx.conf. */
const PRIVATE_PATHS = new Set(['/livez', '/readyz', '/metrics'])
const NODE_TIMEOUT_MS = 5_000
/** Events come when something happens, and otherwise a ping every 15 s. */
const EVENTS_PATH = '/api/events'
const EVENTS_TIMEOUT_MS = 60_000
const TRIES = 2

/** What this balancer does for `npm run lb`, nginx does in Compose: strict round robin over the nodes that are there. */
export function createBalancer({ nodes, log }: { nodes: readonly SupervisedNode[]; log: Logger }): RequestListener {
  let turn = 0
  const tries = new WeakMap<IncomingMessage, number>()

  function nextNode(): SupervisedNode | undefined {
    for (let passed = 0; passed < nodes.length; passed++) {
      const node = nodes[turn++ % nodes.length]
      if (node?.port !== undefined) return node
    }
    return undefined
  }

  const proxyFor = (timeoutMs: number) =>
    createProxyMiddleware({
      router: () => `http://127.0.0.1:${nextNode()?.port ?? 0}`,
      target: 'http://127.0.0.1:0',
      // Shorter than the nodes' keep-alive: the side that sends must be the side that closes.
      agent: new Agent({ keepAlive: true, timeout: 60_000 }),
      proxyTimeout: timeoutMs,
      on: {
        proxyReq(proxyRequest, req) {
          // Overwritten, not appended to: what a client writes there is not to be believed.
          proxyRequest.setHeader('X-Forwarded-For', req.socket.remoteAddress ?? '')
          proxyRequest.setHeader('X-Forwarded-Proto', 'http')
        },
        error(error, req, res) {
          if (!(res instanceof ServerResponse) || res.headersSent) {
            res.destroy?.()
            return
          }
          // A GET can be asked twice. A POST may have done its work before the connection broke, so it is not repeated.
          if (mayRepeat(req)) return void proxyOf(req)(req, res)
          log.warn({ method: req.method, reason: error.message }, 'No node answered')
          sendProblem(res, 502, 'No node answered', 'Try again in a moment.')
        },
      },
    })

  const proxy = proxyFor(NODE_TIMEOUT_MS)
  const eventsProxy = proxyFor(EVENTS_TIMEOUT_MS)
  const proxyOf = ({ url }: IncomingMessage) => (pathOf(url ?? '') === EVENTS_PATH ? eventsProxy : proxy)

  function mayRepeat(req: IncomingMessage): boolean {
    const tried = (tries.get(req) ?? 0) + 1
    tries.set(req, tried)
    return (req.method === 'GET' || req.method === 'HEAD') && tried < TRIES
  }

  return (req, res) => {
    const startedAt = performance.now()
    req.url = normalise(req.url ?? '/')
    const path = pathOf(req.url)
    const requestId = randomUUID()
    req.headers['x-request-id'] = requestId
    res.setHeader('X-Request-Id', requestId)
    res.once('close', () => {
      const servedBy = res.getHeader('X-Served-By')
      const ms = Math.round(performance.now() - startedAt)
      log.info({ requestId, method: req.method, path, status: res.statusCode, servedBy, ms }, 'request')
    })
    if (PRIVATE_PATHS.has(path)) return sendProblem(res, 404, 'Not found', 'There is nothing at this address.')
    if (!nodes.some(({ port }) => port !== undefined))
      return sendProblem(res, 503, 'No node is ready', 'Try again in a moment.')
    void proxyOf(req)(req, res)
  }
}

const pathOf = (url: string) => url.split('?', 1)[0] ?? ''

function sendProblem(res: ServerResponse, status: number, title: string, detail: string): void {
  const retry = status === 404 ? {} : { 'Retry-After': '1' }
  res.writeHead(status, { 'Content-Type': 'application/problem+json', 'X-Served-By': 'balancer', ...retry })
  res.end(JSON.stringify({ type: 'about:blank', title, status, detail }))
}

/**
 * The request target in one form: no host (RFC 9112, 3.2.2 allows one), no dots, no double slash. What is checked is then
 * what is sent on, and no other spelling gets past the check.
 */
function normalise(target: string): string {
  const { pathname, search } = URL.canParse(target) ? new URL(target) : new URL(`http://any/${target}`)
  return pathname.replace(/\/{2,}/g, '/') + search
}
