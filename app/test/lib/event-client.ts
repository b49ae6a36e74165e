import { EventEmitter, once } from 'node:events'
import { get } from 'node:http'

/** One message of a stream, as a browser's EventSource would give it. */
export interface Message {
  id: string
  /** `message` unless it has a name of its own: hello, ping, gap. */
  name: string
  /** After how many milliseconds to come back, if it says so. */
  retryMs?: number
  data: Record<string, unknown>
}

export interface EventClient {
  status: number
  messages: Message[]
  /** The first message, so far or to come, that fits. Fails if the stream ends without it. */
  message(fits: (message: Message) => boolean): Promise<Message>
  /** What happened, in order: the types of all messages that tell of something. */
  types(): unknown[]
  /** Resolves when the other side has ended the stream; tells whether it did so properly. */
  ended: Promise<'properly' | 'cut off'>
  close(): void
}

interface Given {
  cookie?: string
  lastEventId?: string
  /** What a proxy says of the address of the client, in X-Forwarded-For. */
  address?: string
  path?: string
}

/** Listens to /api/events, on a connection of its own. */
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
    ended,
    types: () => messages.flatMap(({ name, data }) => (name === 'message' ? [data.type] : [])),
    async message(fits) {
      for (;;) {
        const found = messages.find(fits)
        if (found) return found
        if (isOver) throw new Error(`The stream ended without that message. It had: ${JSON.stringify(messages)}`)
        await once(arrival, 'news')
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

/** Fits what tells of this, about this node or user where given. */
export const telling =
  (type: string, about: Record<string, unknown> = {}) =>
  ({ data }: Message) =>
    data.type === type && Object.entries(about).every(([name, value]) => data[name] === value)
