import type { PageEvent } from '../page-events.ts'
import { type RunningAttempt, startAttempt } from './attempt.ts'
import type { Lesson, Names, Start } from './lesson.ts'
import type { Need } from './need.ts'
import type { Progress } from './progress.ts'
import type { Press } from './steps.ts'
import { createLessonView } from './view.ts'

/** What lessons need of the page. */
export interface Page {
  /** As it is now. */
  start: () => Start
  names: () => Names
  sendToEachNode: () => Promise<void>
  sendSlowly: () => Promise<void>
  onPress: (press: Press) => Promise<void>
  onNeed: (need: Need) => Promise<void>
}

interface Parts {
  page: Page
  lesson: Lesson
  progress: Progress
  onRetry: () => void
  onNext: (() => void) | undefined
}

export interface OpenLesson {
  parts: readonly HTMLElement[]
  focus(): void
  see(seen: PageEvent & { at: number }): void
  close(): void
}

/** After these, other names are right, or what the lesson needs is there. */
const CHANGES: ReadonlySet<string> = new Set(['session', 'switched', 'connected'])

/** The lesson that is open: judges by what the page sees, from the prediction on. */
export function openLesson({ page, lesson, progress, onRetry, onNext }: Parts): OpenLesson {
  const { id, isExperiment, endsSession } = lesson
  let attempt: RunningAttempt | undefined
  let names = page.names()
  const view = createLessonView({ ...page, lesson, onPredict, onRetry, onNext })

  function onPredict(choice: string): void {
    progress.predict(id, choice)
    update()
  }

  function neededNow(): Need | undefined {
    if (isExperiment) return undefined
    const start = page.start()
    if (start.isExperiment()) return 'sharedNodes'
    const goesOnWithout = endsSession === true && attempt?.hasBegun === true
    return start.sessionId === '' && !goesOnWithout ? 'session' : undefined
  }

  function startIfReady(): void {
    if (attempt || progress.outcomes[id] || progress.predictions[id] === undefined || neededNow()) return
    attempt = startAttempt({
      ...{ ...page, lesson, start: page.start(), onChange: update },
      onOutcome(outcome) {
        progress.keep(id, outcome)
        update()
      },
    })
  }

  function stop(): void {
    attempt?.stop()
    attempt = undefined
  }

  function update(): void {
    startIfReady()
    // An attempt keeps the names of its session, also when the session has ended.
    if (page.start().sessionId !== '' && !attempt) names = page.names()
    const shown = { need: neededNow(), prediction: progress.predictions[id], attempt, outcome: progress.outcomes[id] }
    view.update({ ...shown, names: { ...names, stream: page.names().stream } })
  }

  update()
  return {
    parts: view.parts,
    focus: () => view.title.focus(),
    see(seen) {
      attempt?.see(seen)
      const isOther = seen.kind === 'session' && seen.session !== undefined && seen.session.id !== attempt?.sessionId
      // What happened to another session, or on other nodes, says nothing about this one.
      if ((isOther || seen.kind === 'switched') && !isExperiment) stop()
      if (CHANGES.has(seen.kind)) update()
    },
    close: stop,
  }
}
