import { create, withNames } from '../dom.ts'

/**
 * Shows a text, with its commands in backticks as code. An unchanged text is not set again: a screen reader would read it again.
 */
export function setText(part: HTMLElement, text: string): void {
  const plain = text.replaceAll('`', '')
  if (part.textContent === plain) return
  part.replaceChildren(
    ...text.split('`').flatMap((piece, place) => (place % 2 === 1 ? [create('code', '', piece)] : withNames(piece))),
  )
}
