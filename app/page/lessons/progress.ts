import type { Outcome } from './attempt.ts'

interface Stored {
  /** The id of the open lesson, '' for the list of lessons. Undefined while the panel is closed. */
  open?: string | undefined
  predictions: Record<string, string>
  outcomes: Record<string, Outcome>
}

/** What a window remembers of the lessons, also after a reload. */
export interface Progress extends Readonly<Stored> {
  setOpen(open: string | undefined): void
  predict(lessonId: string, choice: string): void
  keep(lessonId: string, outcome: Outcome): void
  forget(lessonId: string): void
}

const KEY = 'lessons'

/** In the session storage: it ends with the window. */
export function createProgress(): Progress {
  const stored = read()
  return {
    ...stored,
    get open() {
      return stored.open
    },
    setOpen(open) {
      stored.open = open
      write(stored)
    },
    predict(lessonId, choice) {
      stored.predictions[lessonId] = choice
      write(stored)
    },
    keep(lessonId, outcome) {
      stored.outcomes[lessonId] = outcome
      write(stored)
    },
    forget(lessonId) {
      delete stored.predictions[lessonId]
      delete stored.outcomes[lessonId]
      write(stored)
    },
  }
}

/** A browser can forbid storage. Then a reload forgets the lessons. */
function read(): Stored {
  const none: Stored = { predictions: {}, outcomes: {} }
  try {
    // Nothing but this page writes it.
    const stored: Partial<Stored> = JSON.parse(sessionStorage.getItem(KEY) ?? '{}')
    return { ...none, ...stored }
  } catch {
    return none
  }
}

function write(stored: Stored): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(stored))
  } catch {
    // As above.
  }
}
