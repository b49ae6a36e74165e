// What the stack itself reports of the sessions that it has ended.
import type { Credentials, Visitor } from '../lib/visitor.ts'

export type EndedBy = 'evicted' | 'revoked' | 'replaced'

const ENDINGS: Record<string, EndedBy> = { made_room: 'evicted', revoked: 'revoked', replaced: 'replaced' }
const PATIENCE_MS = 5_000

interface SessionEvent {
  type?: string
  sessionId?: string
}

/**
 * The sessions of an account that the stack has ended and published as ended, by id. The reason in a 401 does not count: a
 * node that has lost a session can state any. Empty if the events cannot be read; then nothing is excused.
 */
export async function publishedEndings(
  url: string,
  visitor: Visitor,
  account: Credentials,
): Promise<Map<string, EndedBy>> {
  const endings = new Map<string, EndedBy>()
  try {
    // This login is the newest event of the account: what came before it has been read when it is there.
    const newest = (await visitor.logIn(account)).body.session?.id
    if (newest === undefined) return endings
    for await (const { type = '', sessionId = '' } of eventsOf(url, visitor.cookie() ?? '')) {
      const endedBy = ENDINGS[type]
      if (endedBy) endings.set(sessionId, endedBy)
      if (type === 'login' && sessionId === newest) break
    }
  } catch {
    // As far as they could be read.
  }
  await visitor.logOut().catch(() => {})
  return endings
}

/** All that the stack has kept, and then what comes. */
async function* eventsOf(url: string, cookie: string): AsyncGenerator<SessionEvent> {
  const response = await fetch(new URL('/api/events?after=0-1', url), {
    headers: { Cookie: cookie },
    signal: AbortSignal.timeout(PATIENCE_MS),
  })
  if (!response.ok || !response.body) return
  let rest = ''
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + piece).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.startsWith('data: ')) yield JSON.parse(line.slice('data: '.length))
  }
}
