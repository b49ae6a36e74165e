/** Makes a button copy the text of an element. */
export function copyOnClick(copy: HTMLElement, code: HTMLElement): void {
  copy.addEventListener('click', async () => {
    copy.textContent = (await copyText(code)) ? 'Copied' : 'Selected'
    setTimeout(() => (copy.textContent = 'Copy'), 1_500)
  })
}

/** Browsers allow only pages on https or localhost to write to the clipboard. Elsewhere this selects the text. */
async function copyText(code: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(code.textContent ?? '')
    return true
  } catch {
    getSelection()?.selectAllChildren(code)
    return false
  }
}
