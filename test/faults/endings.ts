// The events that the stack publishes about sessions that it has ended.
import type { Credentials } from '../support/http.ts'
import type { Visitor } from '../support/visitor.ts'

export type EndedBy = 'evicted' | 'revoked' | 'replaced' | 'reused'

const ENDINGS: Record<string, EndedBy> = {
  made_room: 'evicted',
  revoked: 'revoked',
  replaced: 'replaced',
  token_reused: 'reused',
}
const PATIENCE_MS = 5_000

interface SessionEvent {
  type?: string
  sessionId?: string
}

/**
 * The ids of an account's sessions that the stack has published as ended. The reason in a 401 does not count, because a
 * node that has lost a session could state any. Empty if the events cannot be read. Then nothing is excused.
 */
export async function publishedEndings(
  url: string,
  visitor: Visitor,
  account: Credentials,
): Promise<Map<string, EndedBy>> {
  const endings = new Map<string, EndedBy>()
  try {
    // This login is the newest event of the account. When it arrives, all earlier events have been read.
    const newest = (await visitor.logIn(account)).body.session?.id
    if (newest === undefined) return endings
    for await (const { type = '', sessionId = '' } of eventsOf(url, visitor.cookie() ?? '')) {
      const endedBy = ENDINGS[type]
      if (endedBy) endings.set(sessionId, endedBy)
      if (type === 'login' && sessionId === newest) break
    }
  } catch {
    // The events that could be read.
  }
  await visitor.logOut().catch(() => {})
  return endings
}

/** All stored events, then new ones. */
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
