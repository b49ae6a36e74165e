// Holds many connections to nginx open and completes no request: hold.js KIND COUNT SECONDS [HOST]
// Reopens closed connections. Prints the maximum of open connections, the number of responses of each status, and the first
// 429, as one JSON object.
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'

const [kind = '', count = '0', seconds = '0', host = 'nginx'] = process.argv.slice(2)

const OPENED_AT_ONCE = 100
/** The delay before a closed connection is reopened. */
const PAUSE_MS = 200

const HEAD = `HTTP/1.1\r\nHost: nginx\r\n`
const JSON_HEAD = `POST /auth/login ${HEAD}Content-Type: application/json\r\n`
/** The bytes that each connection sends, and whether it uses TLS. */
const KINDS: Record<string, { isTls: boolean; bytes: string }> = {
  headers: { isTls: false, bytes: `GET / ${HEAD}${`X-A: ${'a'.repeat(890)}\r\n`.repeat(34)}` },
  // The same within the limits of nginx.conf, with as many lines as needed.
  'allowed-headers': { isTls: false, bytes: `GET / ${HEAD}${'a:\r\n'.repeat(95)}X-Filler: ${'a'.repeat(7_500)}` },
  bodies: { isTls: false, bytes: `${JSON_HEAD}Content-Length: 65000\r\n\r\n${'x'.repeat(60_000)}` },
  'allowed-bodies': {
    isTls: false,
    bytes: `POST /auth/logout ${HEAD}Content-Length: 4096\r\n\r\n${'x'.repeat(4_000)}`,
  },
  streams: { isTls: false, bytes: `GET /api/events ${HEAD}\r\n` },
  'streams-tls': { isTls: true, bytes: `GET /api/events ${HEAD}\r\n` },
}
const chosen = KINDS[kind]
if (!chosen) throw new Error(`Unknown kind ${kind}`)

const endsAt = Date.now() + Number(seconds) * 1_000
const answers: Record<string, number> = {}
const open = new Set<Socket>()
let most = 0
/** The first complete response with this status. */
let refusal = ''

const counted = (what: string) => {
  answers[what] = (answers[what] ?? 0) + 1
}

function openOne({ isTls, bytes }: { isTls: boolean; bytes: string }): Socket {
  const socket = isTls
    ? connectTls({ host, port: 8443, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
    : connect(8080, host)
  socket.once(isTls ? 'secureConnect' : 'connect', () => {
    open.add(socket)
    most = Math.max(most, open.size)
    socket.write(bytes, 'latin1')
  })
  socket.once('data', (piece) => {
    const status = String(piece).slice(9, 12)
    counted(status)
    if (status === '429') refusal ||= String(piece)
  })
  // Reads the response, because not reading would be another attack.
  socket.on('data', () => {})
  socket.on('error', ({ code }: NodeJS.ErrnoException) => counted(code ?? 'error'))
  socket.once('close', () => open.delete(socket))
  return socket
}

async function keepOneOpen(what: { isTls: boolean; bytes: string }): Promise<void> {
  while (Date.now() < endsAt) {
    const socket = openOne(what)
    const atEnd = setTimeout(() => socket.destroy(), Math.max(1, endsAt - Date.now()))
    await new Promise<void>((resolve) => socket.once('close', () => resolve()))
    clearTimeout(atEnd)
    await sleep(PAUSE_MS)
  }
}

const kept: Promise<void>[] = []
while (kept.length < Number(count)) {
  for (let one = 0; one < OPENED_AT_ONCE && kept.length < Number(count); one++) kept.push(keepOneOpen(chosen))
  await sleep(20)
}
await Promise.all(kept)
process.stdout.write(`${JSON.stringify({ most, answers, refusal })}\n`)
