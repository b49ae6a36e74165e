import { button, create, element, formElement, whileBusy } from './dom.ts'

export interface Credentials {
  username: string
  password: string
}

/** The accounts of app/demo-users.json. Their passwords are no secret: the README has them too. */
const DEMO_ACCOUNTS: readonly Credentials[] = [
  { username: 'ada', password: 'analytical-engine' },
  { username: 'grace', password: 'nanosecond' },
  { username: 'alan', password: 'universal-machine' },
]

export const demoPassword = (username: string) =>
  DEMO_ACCOUNTS.find((account) => account.username === username)?.password

export interface LoginForm {
  setVisible(isVisible: boolean): void
  /** While the server would refuse a login to this account. */
  setPossible(username: string, isPossible: boolean): void
}

export function createLoginForm(logIn: (credentials: Credentials) => Promise<void>): LoginForm {
  const form = formElement('login')
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const fields = new FormData(form)
    const submit = form.querySelector('button[type=submit]')
    if (!(submit instanceof HTMLElement)) return
    void whileBusy(submit, () =>
      logIn({ username: String(fields.get('username')), password: String(fields.get('password')) }),
    )
  })
  // Each in a fieldset: that can be disabled whatever becomes of the button in it.
  const accounts = new Map(
    DEMO_ACCOUNTS.map((account) => [
      account.username,
      create(
        'fieldset',
        '',
        button(`Log in as ${account.username}`, () => logIn(account)),
      ),
    ]),
  )
  element('demo-accounts').append(...accounts.values())

  return {
    setVisible(isVisible) {
      form.hidden = !isVisible
      if (!isVisible) form.reset()
    },
    setPossible(username, isPossible) {
      accounts.get(username)?.toggleAttribute('disabled', !isPossible)
    },
  }
}
