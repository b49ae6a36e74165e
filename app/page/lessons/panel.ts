import { create } from '../dom.ts'
import type { PageEvents } from '../page-events.ts'
import { LESSONS } from './all.ts'
import { createFrame } from './frame.ts'
import type { Lesson } from './lesson.ts'
import { lessonList } from './list.ts'
import { type OpenLesson, openLesson, type Page } from './open-lesson.ts'
import { createProgress } from './progress.ts'

/** The panel of lessons: the list of them, or the one that is open. */
export function createLessons(pageEvents: PageEvents, page: Page): void {
  const progress = createProgress()
  const frame = createFrame({ onOpen: openList, onClose: close })
  let opened: OpenLesson | undefined

  /** By a press of a button: the keyboard goes on at the lesson. */
  function goTo(lesson: Lesson): void {
    open(lesson)
    opened?.focus()
  }

  function open(lesson: Lesson): void {
    opened?.close()
    const number = LESSONS.indexOf(lesson) + 1
    const next = LESSONS[number]
    opened = openLesson({
      ...{ page, lesson, progress },
      onRetry() {
        progress.forget(lesson.id)
        goTo(lesson)
      },
      onNext: next && (() => goTo(next)),
    })
    progress.setOpen(lesson.id)
    const onList = () => openList().querySelectorAll('button')[number - 1]?.focus()
    frame.show(`Lesson ${number} of ${LESSONS.length}`, onList, ...opened.parts)
  }

  function openList(): HTMLElement {
    opened?.close()
    opened = undefined
    progress.setOpen('')
    const list = lessonList(progress, goTo)
    frame.show('Lessons', undefined, create('p', 'hint', 'Predict what happens, try it, and compare.'), list)
    return list
  }

  function close(): void {
    opened?.close()
    opened = undefined
    progress.setOpen(undefined)
    frame.hide()
  }

  function openWanted(wanted: string | undefined): void {
    const found = LESSONS.find(({ id }) => id === wanted)
    if (found) open(found)
    else if (wanted === '') openList()
  }

  pageEvents.subscribe((seen) => opened?.see(seen))
  // A link can name a lesson: /#kill-creator
  addEventListener('hashchange', () => openWanted(location.hash.slice(1) || undefined))
  openWanted(location.hash.slice(1) || progress.open)
}
