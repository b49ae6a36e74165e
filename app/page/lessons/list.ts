import { button, create } from '../dom.ts'
import { LESSONS } from './all.ts'
import type { Lesson } from './lesson.ts'
import type { Progress } from './progress.ts'

/** All lessons, each as a button that opens it, with what came of it. */
export function lessonList({ predictions, outcomes }: Progress, onOpen: (lesson: Lesson) => void): HTMLElement {
  const items = LESSONS.map((lesson) => {
    const [prediction, outcome] = [predictions[lesson.id], outcomes[lesson.id]]
    const state = outcome && (outcome.choice === prediction ? 'as predicted' : 'not as predicted')
    const item = button('', () => onOpen(lesson))
    item.append(create('span', '', lesson.title), create('small', '', state ?? ''))
    return create('li', '', item)
  })
  return create('ol', 'lesson-list', ...items)
}
