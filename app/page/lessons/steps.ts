import { copyOnClick } from '../copy.ts'
import { button, create } from '../dom.ts'
import { fillIn, type Names, type Step } from './lesson.ts'
import { setText } from './text.ts'

export type Press = NonNullable<Step['button']>['press']

/** Returns a function that writes the names into the step. */
export function addStep(
  steps: HTMLElement,
  step: Step,
  onPress: (press: Press) => Promise<void>,
): (names: Names) => void {
  const text = create('p', '')
  const item = create(steps.tagName === 'OL' ? 'li' : 'div', '', text)
  const command = create('code', '')
  if (step.command !== undefined) {
    const copy = create('button', '', 'Copy')
    copy.setAttribute('type', 'button')
    copy.setAttribute('aria-label', `Copy: ${step.text}`)
    copyOnClick(copy, command)
    item.append(create('div', 'command', command, copy))
  }
  const pressed = step.button
  if (pressed) {
    const press = button(pressed.text, () => onPress(pressed.press))
    press.classList.add('primary')
    item.append(press)
  }
  steps.append(item)
  return (names) => {
    setText(text, fillIn(step.text, names))
    command.textContent = fillIn(step.command ?? '', names)
  }
}
