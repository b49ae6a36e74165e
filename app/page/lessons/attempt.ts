import type { Seen } from '../page-events.ts'
import type { Lesson, Start } from './lesson.ts'

export interface Outcome {
  /** The choice that came true. Undefined if none did. */
  choice: string | undefined
  what: string
}

/** One try of a lesson: what has happened so far. */
export interface RunningAttempt {
  /** Of the page, when the attempt started. */
  sessionId: string
  lines: readonly { text: string; isRemark: boolean }[]
  next: string
  /** A part of what the lesson waits for has happened. */
  hasBegun: boolean
  see(seen: Seen): void
  /** Ends it without an outcome. It sends no more requests. */
  stop(): void
}

interface Parts {
  lesson: Lesson
  start: Start
  sendToEachNode: () => Promise<void>
  /** Sends one request, and waits a moment. */
  sendSlowly: () => Promise<void>
  onChange: () => void
  onOutcome: (outcome: Outcome) => void
}

const MOST_LINES = 8
/** A restart that never ends must not send requests for as long as the page is open. */
const KEEP_SENDING_MS = 180_000

/**
 * Returns a function that reports whether an event is new: it happened after `startedAt`, and this attempt has not seen it. After a
 * reconnection a node replays missed events. After a login it also replays earlier ones.
 */
function createIsNew(startedAt: number): (seen: Seen) => boolean {
  const known = new Set<string>()
  return (seen) => {
    if (seen.kind !== 'server') return true
    const { id, isReplayed } = seen.event
    if (isReplayed && (seen.at < startedAt || known.has(id))) return false
    known.add(id)
    return true
  }
}

/** Starts to judge. What happened before does not count. */
export function startAttempt({
  lesson,
  start,
  sendToEachNode,
  sendSlowly,
  onChange,
  onOutcome,
}: Parts): RunningAttempt {
  let isOver = false
  let isSending = false
  const isNew = createIsNew(performance.now())
  const attempt: RunningAttempt = {
    sessionId: start.sessionId,
    lines: [],
    next: 'Waiting for it to happen.',
    hasBegun: false,
    see: (seen) => {
      if (!isOver && isNew(seen)) see(seen)
    },
    stop: () => {
      isOver = true
    },
  }

  function add(text: string, isRemark: boolean): void {
    if (isOver || attempt.lines.at(-1)?.text === text) return
    attempt.lines = [...attempt.lines, { text, isRemark }].slice(-MOST_LINES)
    onChange()
  }

  async function keepSending(): Promise<void> {
    if (isSending) return
    isSending = true
    const until = performance.now() + KEEP_SENDING_MS
    while (!isOver && performance.now() < until) await sendSlowly()
    isSending = false
  }

  const see = lesson.watch(start, {
    report(what, next) {
      attempt.next = next
      attempt.hasBegun = true
      add(what, false)
    },
    remark: (what) => add(what, true),
    conclude(choice, what) {
      if (isOver) return
      isOver = true
      onOutcome({ choice, what })
    },
    sendToEachNode,
    keepSending: () => void keepSending(),
  })
  return attempt
}
