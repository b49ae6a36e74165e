/** The types of the events that end a session. A session that expires has no event: its key in Redis ends by itself. */
export const ENDING_TYPES = ['logout', 'replaced', 'revoked', 'made_room', 'token_reused'] as const
export type EndingType = (typeof ENDING_TYPES)[number]

interface Ending {
  how: string
  cause?: string
  /** To the user of the session. */
  sentence: string
}

/** How a session can end, for the log, the pages of its user, and the client that sends its token. */
const ENDINGS: Record<EndingType, Ending> = {
  logout: { how: 'logged out', sentence: 'You logged out in another window.' },
  replaced: { how: 'replaced by a new login', sentence: 'Your session was replaced by a new login in this browser.' },
  revoked: { how: 'revoked by its user', sentence: 'Your session was revoked from another one of yours.' },
  made_room: {
    how: 'evicted',
    cause: 'session limit reached',
    sentence: 'You reached the session limit, so your oldest session was signed out.',
  },
  token_reused: {
    how: 'revoked',
    cause: 'a replaced token was used again',
    sentence:
      'Your session was revoked, because a replaced token was used again. Somebody may have copied it. If this was not you, tell an administrator.',
  },
}

const BY_ADMINISTRATOR: Ending = {
  how: 'revoked by an administrator',
  sentence: 'Your session was revoked by an administrator.',
}

/** For a session that expired. */
export const EXPIRED_SENTENCES = {
  idle: 'Your session expired: it was idle for too long.',
  absolute: 'Your session expired: it reached its longest lifetime.',
}

/**
 * Describes the end of a session, for the log ("Session evicted: session limit reached"), a page ("was evicted on app-1: session
 * limit reached") and the user of the session. Undefined for an event that does not end a session.
 */
export function describeEnding({ type, node, by }: { type: string; node: string; by?: string | undefined }) {
  const known = ENDING_TYPES.find((one) => one === type)
  if (!known) return undefined
  const { how, cause, sentence } = by ? BY_ADMINISTRATOR : ENDINGS[known]
  const why = cause === undefined ? '' : `: ${cause}`
  // An administrator's program is no node.
  return { logLine: `Session ${how}${why}`, onPage: `was ${how}${by ? '' : ` on ${node}`}${why}`, sentence }
}
