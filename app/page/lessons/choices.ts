import { create, withNames } from '../dom.ts'
import type { Outcome } from './attempt.ts'
import { fillIn, type Lesson, type Names } from './lesson.ts'

interface Shown {
  names: Names
  prediction: string | undefined
  outcome: Outcome | undefined
  isHidden: boolean
  /** The thing has begun to happen, so the prediction stays. */
  isLocked: boolean
}

/** The prediction: one of the lesson's choices. Afterwards it shows which one came true. */
export function createChoices(lesson: Lesson, onPredict: (choice: string) => void) {
  const part = create('fieldset', 'choices', create('legend', '', 'What do you predict?'))
  let last: Shown | undefined
  const choices = Object.entries(lesson.choices).map(([id, text]) => {
    const input = document.createElement('input')
    input.type = 'radio'
    input.name = 'prediction'
    input.value = id
    const [words, mark] = [create('span', ''), create('small', '')]
    input.addEventListener('change', () => (isFixed(last) ? restore() : onPredict(id)))
    part.append(create('label', '', input, create('span', 'choice', words, mark)))
    return { id, text, input, words, mark }
  })

  // Not disabled: that would take the focus of the keyboard away.
  function restore(): void {
    for (const { id, input } of choices) input.checked = id === last?.prediction
  }

  return {
    part,
    show(shown: Shown) {
      const { names, prediction, outcome, isHidden } = shown
      last = shown
      part.hidden = isHidden
      restore()
      for (const { id, text, input, words, mark } of choices) {
        const filled = fillIn(text, names)
        if (words.textContent !== filled) words.replaceChildren(...withNames(filled))
        input.setAttribute('aria-disabled', String(isFixed(shown)))
        const isTrue = outcome?.choice === id
        input.parentElement?.classList.toggle('true', isTrue)
        input.parentElement?.classList.toggle('untrue', outcome !== undefined && !isTrue)
        mark.textContent = isTrue ? 'This happened' : outcome && id === prediction ? 'Your prediction' : ''
      }
    },
  }
}

const isFixed = (shown: Shown | undefined) => shown?.isLocked === true || shown?.outcome !== undefined
