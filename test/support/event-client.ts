import { EventEmitter, once } from 'node:events'
import { get } from 'node:http'

/** No limit for the product. It only ends a test that would hang, also on the slowest machine. */
const PATIENCE_MS = 60_000

/** One message of a stream, like one of a browser's EventSource. */
export interface Message {
  id: string
  /** `message`, or its own name: hello, ping, gap. */
  name: string
  /** The retry time in milliseconds, if the message has one. */
  retryMs?: number
  data: Record<string, unknown>
}

export interface EventClient {
  status: number
  messages: Message[]
  /** Returns the first past or future message that fits. Fails if the stream ends without one, or after a minute. */
  message(fits: (message: Message) => boolean): Promise<Message>
  /** The types of all event messages, in order. */
  types(): unknown[]
  /** Resolves when the server has ended the stream, with whether it ended properly. Fails after a minute. */
  readonly ended: Promise<'properly' | 'cut off'>
  close(): void
}

interface Given {
  cookie?: string
  lastEventId?: string
  /** The client's address, as a proxy sends it in X-Forwarded-For. */
  address?: string
  path?: string
}

/** Opens /api/events on a separate connection. */
export async function listenTo(
  url: string,
  { cookie, lastEventId, address, path = '/api/events' }: Given = {},
): Promise<EventClient> {
  const headers = {
    ...(cookie === undefined ? {} : { Cookie: cookie }),
    ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),
    ...(address === undefined ? {} : { 'X-Forwarded-For': address }),
  }
  const request = get(new URL(path, url), { agent: false, headers })
  const [response] = await once(request, 'response')
  const messages: Message[] = []
  const arrival = new EventEmitter().setMaxListeners(0)
  let rest = ''
  let isOver = false
  response.setEncoding('utf8').on('data', (piece: string) => {
    const blocks = (rest + piece).split('\n\n')
    rest = blocks.pop() ?? ''
    messages.push(...blocks.map(parse))
    arrival.emit('news')
  })
  const ended = new Promise<'properly' | 'cut off'>((resolve) => {
    response.on('error', () => {})
    response.on('close', () => {
      isOver = true
      arrival.emit('news')
      resolve(response.complete ? 'properly' : 'cut off')
    })
  })

  return {
    status: response.statusCode,
    messages,
    get ended() {
      const tooLate = new Promise<never>((_resolve, reject) => {
        const fail = () => reject(new Error(`${PATIENCE_MS} ms have passed without the end of the stream`))
        AbortSignal.timeout(PATIENCE_MS).addEventListener('abort', fail, { once: true })
      })
      return Promise.race([ended, tooLate])
    },
    types: () => messages.flatMap(({ name, data }) => (name === 'message' ? [data.type] : [])),
    async message(fits) {
      const signal = AbortSignal.timeout(PATIENCE_MS)
      const fail = (why: string) => new Error(`${why} without that message. Its messages: ${JSON.stringify(messages)}`)
      for (;;) {
        const found = messages.find(fits)
        if (found) return found
        if (isOver) throw fail('The stream ended')
        await once(arrival, 'news', { signal }).catch(() => {
          throw fail(`${PATIENCE_MS} ms have passed`)
        })
      }
    },
    close: () => request.destroy(),
  }
}

function parse(block: string): Message {
  const message: Message = { id: '', name: 'message', data: {} }
  for (const line of block.split('\n')) {
    const [field = '', value = ''] = line.split(/: (.*)/s)
    if (field === 'id') message.id = value
    if (field === 'retry') message.retryMs = Number(value)
    if (field === 'event') message.name = value
    if (field === 'data') message.data = JSON.parse(value)
  }
  return message
}

/** Fits events of this type, and of this node or user if given. */
export const telling =
  (type: string, about: Record<string, unknown> = {}) =>
  ({ data }: Message) =>
    data.type === type && Object.entries(about).every(([name, value]) => data[name] === value)
