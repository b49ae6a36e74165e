/** Short forms for the document, and times as text. */

export function element(id: string): HTMLElement {
  const found = document.getElementById(id)
  if (!found) throw new Error(`The page has no #${id}`)
  return found
}

export function formElement(id: string): HTMLFormElement {
  const found = element(id)
  if (!(found instanceof HTMLFormElement)) throw new Error(`#${id} is not a form`)
  return found
}

/** Creates an element with a class and content. */
export function create(tag: string, className = '', ...content: (Node | string)[]): HTMLElement {
  const created = document.createElement(tag)
  if (className !== '') created.className = className
  created.append(...content)
  return created
}

/** A text in which the names of nodes do not break at their hyphens: app-1. */
export const withNames = (text: string): (Node | string)[] =>
  text.split(/(\w+(?:-\w+)+)/).map((part, place) => (place % 2 === 1 ? create('span', 'name', part) : part))

/** More characters than this do not fit everywhere. */
const LONGEST_NAME = 12
/** A dash and the five characters by which Kubernetes tells the pods of a Deployment apart. */
const NAME_END = 6

/** The name of a node. Where there is little room, CSS cuts its start, and its end stays. */
export function nodeName(name: string): HTMLElement {
  if (name.length <= LONGEST_NAME) return create('span', 'node-name', name)
  return create('span', 'node-name', create('span', '', name.slice(0, -NAME_END)), name.slice(-NAME_END))
}

export function button(text: string, onClick: () => Promise<void> | void): HTMLButtonElement {
  const created = document.createElement('button')
  created.type = 'button'
  created.textContent = text
  created.addEventListener('click', () => whileBusy(created, onClick))
  return created
}

/** Runs `work` with the button disabled, then returns the keyboard focus that disabling it took away. */
export async function whileBusy(pressed: HTMLElement, work: () => Promise<void> | void): Promise<void> {
  const hasFocus = document.activeElement === pressed
  pressed.setAttribute('disabled', '')
  try {
    await work()
  } finally {
    pressed.removeAttribute('disabled')
    if (hasFocus && document.activeElement === document.body) pressed.focus()
  }
}

export const onClick = (id: string, work: () => Promise<void> | void) =>
  element(id).addEventListener('click', () => whileBusy(element(id), work))

const TIME = { hour: '2-digit', minute: '2-digit', second: '2-digit' } as const

export const clockTime = (iso: string) => new Date(iso).toLocaleTimeString([], TIME)

/** 5:07, or 1:05:07. Negative times are 0:00. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const pad = (part: number) => String(part).padStart(2, '0')
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`
}

export const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
