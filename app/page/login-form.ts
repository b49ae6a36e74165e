import { button, create, element, formElement, whileBusy } from './dom.ts'
import { createNotice, type Notice } from './notice.ts'

export interface Credentials {
  username: string
  password: string
}

/** The accounts of app/demo-users.json. Their passwords are public: README lists them. */
const DEMO_ACCOUNTS: readonly Credentials[] = [
  { username: 'ada', password: 'analytical-engine' },
  { username: 'grace', password: 'nanosecond' },
  { username: 'alan', password: 'universal-machine' },
]

export const demoPassword = (username: string) =>
  DEMO_ACCOUNTS.find((account) => account.username === username)?.password

export interface LoginForm {
  setVisible(isVisible: boolean): void
  /** Disables the button of an account for so long. */
  disable(username: string, seconds: number): void
}

/** The buttons of the demo accounts below the map, and the form for any account. */
export function createLoginForm(logIn: (credentials: Credentials, beside: Notice) => Promise<void>): LoginForm {
  const form = formElement('login')
  const [besideForm, besideAccounts] = [createNotice('login-note'), createNotice('demo-note')]
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const fields = new FormData(form)
    const submit = form.querySelector('button[type=submit]')
    if (!(submit instanceof HTMLElement)) return
    besideAccounts.clear()
    const credentials = { username: String(fields.get('username')), password: String(fields.get('password')) }
    void whileBusy(submit, () => logIn(credentials, besideForm))
  })
  function onDemo(account: Credentials): Promise<void> {
    besideForm.clear()
    return logIn(account, besideAccounts)
  }
  // Each in a fieldset of its own: whileBusy enables the button, but not the fieldset.
  const accounts = new Map(
    DEMO_ACCOUNTS.map((account) => [
      account.username,
      create(
        'fieldset',
        '',
        button(`Log in as ${account.username}`, () => onDemo(account)),
      ),
    ]),
  )
  element('demo-accounts').append(...accounts.values())

  return {
    setVisible(isVisible) {
      form.hidden = !isVisible
      element('demo-accounts').hidden = !isVisible
      if (isVisible) return
      form.reset()
      besideForm.clear()
      besideAccounts.clear()
    },
    disable(username, seconds) {
      accounts.get(username)?.setAttribute('disabled', '')
      setTimeout(() => accounts.get(username)?.removeAttribute('disabled'), seconds * 1000)
    },
  }
}
