import { element } from '../dom.ts'

export interface Frame {
  /** @param title above the parts. `onList`: leads to the list of lessons, if it is not shown. */
  show(title: string, onList: (() => void) | undefined, ...parts: readonly HTMLElement[]): void
  hide(): void
}

/** The panel itself, and the button in the header that opens and closes it. */
export function createFrame({ onOpen, onClose }: { onOpen: () => void; onClose: () => void }): Frame {
  const [panel, toggle, all] = [element('lessons'), element('lessons-toggle'), element('lessons-all')]
  let toList: (() => void) | undefined

  function setOpen(isOpen: boolean): void {
    panel.hidden = !isOpen
    toggle.setAttribute('aria-expanded', String(isOpen))
    document.documentElement.classList.toggle('with-lessons', isOpen)
  }

  function close(): void {
    onClose()
    toggle.focus()
  }

  toggle.addEventListener('click', () => {
    if (!panel.hidden) return close()
    onOpen()
    element('lessons-title').focus()
  })
  all.addEventListener('click', () => toList?.())
  element('lessons-close').addEventListener('click', close)
  panel.addEventListener('keydown', ({ key }) => key === 'Escape' && close())

  return {
    show(title, onList, ...parts) {
      element('lessons-title').textContent = title
      all.hidden = onList === undefined
      toList = onList
      element('lesson-body').replaceChildren(...parts)
      setOpen(true)
    },
    hide: () => setOpen(false),
  }
}
