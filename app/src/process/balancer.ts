import { randomUUID } from 'node:crypto'
import { Agent, type IncomingMessage, type RequestListener, ServerResponse } from 'node:http'
import { createProxyMiddleware } from 'http-proxy-middleware'
import type { Logger } from '../logger.ts'
import { MISDIRECTED, type ServedHosts } from '../middleware/served-hosts.ts'
import { type BareProblem, createBareAnswers } from './bare-answer.ts'
import type { SupervisedNode } from './supervisor.ts'

/** What it calls itself, in the log and in X-Served-By. */
export const BALANCER = 'balancer'

const answerOf = createBareAnswers(BALANCER)
const NOT_FOUND = { status: 404, title: 'Not found', detail: 'There is nothing at this address.' }
const NONE_ANSWERED = { status: 502, title: 'No node answered', detail: 'Try again in a moment.' }
const NONE_READY = { status: 503, title: 'No node is ready', detail: 'Try again in a moment.' }

/** The nodes' own business: probes and metrics are for whoever runs them, not for the public. As in nginx.conf. */
const PRIVATE_PATHS = new Set(['/livez', '/readyz', '/metrics'])
const NODE_TIMEOUT_MS = 5_000
/** Events come when something happens, and otherwise a ping every 15 s. */
const EVENTS_PATH = '/api/events'
const EVENTS_TIMEOUT_MS = 60_000
const TRIES = 2

interface Parts {
  nodes: readonly SupervisedNode[]
  isServedHost: ServedHosts
  log: Logger
}

/** What this balancer does for `npm run lb`, nginx does in Compose: strict round robin over the nodes that are there. */
export function createBalancer({ nodes, isServedHost, log }: Parts): RequestListener {
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
          sendProblem(res, NONE_ANSWERED)
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
    if (!isServedHost(req)) return sendProblem(res, MISDIRECTED)
    if (PRIVATE_PATHS.has(path)) return sendProblem(res, NOT_FOUND)
    if (!nodes.some(({ port }) => port !== undefined)) return sendProblem(res, NONE_READY)
    void proxyOf(req)(req, res)
  }
}

const pathOf = (url: string) => url.split('?', 1)[0] ?? ''

function sendProblem(res: ServerResponse, problem: BareProblem): void {
  const { status, headers, body } = answerOf(problem, String(res.getHeader('X-Request-Id')))
  const retry = status >= 500 ? { 'Retry-After': '1' } : {}
  // What is left of a body is not read; it would be taken for the next request on this connection.
  res.writeHead(status, { ...headers, ...retry, ...(res.req.complete ? {} : { Connection: 'close' }) }).end(body)
}

/**
 * The request target in one form: no dots, no double slash. What is checked is then
 * what is sent on, and no other spelling gets past the check.
 */
function normalise(target: string): string {
  const { pathname, search } = new URL(`http://any/${target}`)
  return pathname.replace(/\/{2,}/g, '/') + search
}
