export interface OwnSessions {
  /** This browser has this session from now on. Returns whether that is news. */
  add(sessionId: string): boolean
  /** Whether this browser had this session before its present one. */
  isEarlier(sessionId: string): boolean
  /** How the page calls the session of an event. */
  nameOf(sessionId: string | undefined): string
}

const KEY = 'own-sessions'
const MOST = 30

/**
 * The sessions of this browser window, the present one last. After a reload the window still knows them, because they are in its
 * session storage. An id is no secret: it names a session, and does not log in.
 */
export function createOwnSessions(present: () => string | undefined): OwnSessions {
  const ids = read()

  const isEarlier = (sessionId: string) => sessionId !== present() && ids.includes(sessionId)
  return {
    add(sessionId) {
      if (ids.at(-1) === sessionId) return false
      ids.push(sessionId)
      if (ids.length > MOST) ids.shift()
      write(ids)
      return true
    },
    isEarlier,
    nameOf(sessionId) {
      if (sessionId !== undefined && sessionId === present()) return 'This session'
      return sessionId !== undefined && isEarlier(sessionId) ? 'This browser, earlier: the session' : 'Another session'
    },
  }
}

/** A browser can forbid storage. Then a reload forgets the sessions. */
function read(): string[] {
  try {
    const stored: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? '[]')
    return Array.isArray(stored) ? stored.filter((id) => typeof id === 'string') : []
  } catch {
    return []
  }
}

function write(ids: readonly string[]): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(ids))
  } catch {
    // As above.
  }
}
