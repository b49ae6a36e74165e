import { formElement } from './dom.ts'

export interface ConfirmPassword {
  /** Asks for the password. After a login with it, calls `onConfirmed`. */
  open(onConfirmed: () => Promise<void>): void
  close(): void
}

/**
 * The form that asks for the password again, because the login is too old to revoke other sessions.
 * @param logInAgain resolves to true if the password was right, and a new session has replaced this one
 */
export function createConfirmPassword(logInAgain: (password: string) => Promise<boolean>): ConfirmPassword {
  const form = formElement('confirm')
  let waiting: (() => Promise<void>) | undefined

  function close(): void {
    waiting = undefined
    form.hidden = true
    form.reset()
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const onConfirmed = waiting
    const password = new FormData(form).get('password')
    if (!onConfirmed || typeof password !== 'string' || !(await logInAgain(password))) return
    close()
    await onConfirmed()
  })
  return {
    open(onConfirmed) {
      waiting = onConfirmed
      form.hidden = false
      form.querySelector('input')?.focus()
    },
    close,
  }
}
