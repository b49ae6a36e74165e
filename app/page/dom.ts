/** What the page asks of the document again and again. */

export function element(id: string): HTMLElement {
  const found = document.getElementById(id)
  if (!found) throw new Error(`The page has no #${id}`)
  return found
}

export function formElement(id: string): HTMLFormElement {
  const found = element(id)
  if (!(found instanceof HTMLFormElement)) throw new Error(`#${id} is no form`)
  return found
}

/** A new element with a class and what is in it. */
export function create(tag: string, className = '', ...content: (Node | string)[]): HTMLElement {
  const made = document.createElement(tag)
  if (className !== '') made.className = className
  made.append(...content)
  return made
}

export function button(text: string, onClick: () => Promise<void> | void): HTMLButtonElement {
  const made = document.createElement('button')
  made.type = 'button'
  made.textContent = text
  made.addEventListener('click', () => whileBusy(made, onClick))
  return made
}

/** Runs `work` with the button disabled until it is done. Who has pressed it by keyboard finds it where it was. */
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

/** A time as the clock on the wall shows it. */
export const clockTime = (iso: string) => new Date(iso).toLocaleTimeString([], TIME)

/** 5:07, or 1:05:07. Never less than nothing. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const pad = (part: number) => String(part).padStart(2, '0')
  return h > 0 ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`
}

export const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
