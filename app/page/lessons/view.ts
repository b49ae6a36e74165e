import { button, create } from '../dom.ts'
import type { Outcome, RunningAttempt } from './attempt.ts'
import { createChoices } from './choices.ts'
import { fillIn, type Lesson, type Names } from './lesson.ts'
import { createNeed, type Need } from './need.ts'
import { showProgress } from './progress-view.ts'
import { addStep, type Press } from './steps.ts'
import { setText } from './text.ts'

export interface Shown {
  need: Need | undefined
  names: Names
  prediction: string | undefined
  attempt: Pick<RunningAttempt, 'lines' | 'next' | 'hasBegun'> | undefined
  outcome: Outcome | undefined
}

interface Parts {
  lesson: Lesson
  onPredict: (choice: string) => void
  onPress: (press: Press) => Promise<void>
  onNeed: (need: Need) => Promise<void>
  onRetry: () => void
  /** Undefined for the last lesson. */
  onNext: (() => void) | undefined
}

export interface LessonView {
  parts: readonly HTMLElement[]
  title: HTMLElement
  update(shown: Shown): void
}

/** One lesson on the page. Its elements stay while it is open, so an update does not take the focus away. */
export function createLessonView(parts: Parts): LessonView {
  const { lesson, onPredict, onPress, onNeed, onRetry, onNext } = parts
  const title = create('h3', 'lesson-title', lesson.title)
  title.tabIndex = -1
  const question = create('p', 'question')
  const need = createNeed(async (needed) => {
    await onNeed(needed)
    keepFocus()
  })
  const choices = createChoices(lesson, onPredict)
  const steps = create('ol', 'lesson-steps')
  const press = async (pressed: Press) => {
    await onPress(pressed)
    keepFocus()
  }
  const fillSteps = lesson.steps.map((step) => addStep(steps, step, press))
  const progress = create('div', 'lesson-progress')
  progress.setAttribute('role', 'status')
  const after = create('div', 'lesson-after')
  const fillAfter = lesson.after && addStep(after, lesson.after, press)
  const why = create('p', 'lesson-why')
  const next = onNext ? [button('Next lesson', onNext)] : []
  after.prepend(why)
  after.append(create('div', 'lesson-buttons', ...next, button('Try again', onRetry)))

  /** The focus of the keyboard was on a part that is hidden now, or on a button that was disabled. */
  function keepFocus(): void {
    const focused = document.activeElement
    if (focused !== document.body && !focused?.closest('[hidden]')) return
    const buttons = after.querySelector<HTMLElement>('.lesson-buttons button')
    if (after.hidden || !buttons) title.focus()
    else buttons.focus()
  }

  return {
    parts: [title, need.part, question, choices.part, steps, progress, after],
    title,
    update(shown) {
      const { names, prediction, attempt, outcome } = shown
      const isBlocked = shown.need !== undefined && outcome === undefined
      need.show(isBlocked ? shown.need : undefined)
      question.hidden = isBlocked
      setText(question, fillIn(lesson.question, names))
      choices.show({ names, prediction, outcome, isHidden: isBlocked, isLocked: attempt?.hasBegun === true })
      steps.hidden = isBlocked || prediction === undefined || outcome !== undefined
      for (const fill of [...fillSteps, fillAfter]) fill?.(names)
      progress.hidden = isBlocked || prediction === undefined
      showProgress(progress, attempt, outcome && { ...outcome, isPredicted: outcome.choice === prediction })
      after.hidden = outcome === undefined
      setText(why, fillIn(lesson.why, names))
      if (document.activeElement?.closest('[hidden]')) keepFocus()
    },
  }
}
