import type { Account, AppSpeech } from './app-speech.ts'

/** The application under test: this project, or the one that `make loadtest APP=my-app.yml` describes. */
interface GivenApp {
  url: string
  nodes: string[]
  speech: AppSpeech
  accounts: Account[]
}

/** Undefined for this project. test/prove/src/for-k6.ts writes it. */
export const givenApp: GivenApp | undefined = __ENV.APP_JSON ? JSON.parse(__ENV.APP_JSON) : undefined

const THIS_PROJECT: AppSpeech = {
  login: {
    method: 'POST',
    path: '/auth/login',
    headers: {},
    json: { username: '{username}', password: '{password}' },
  },
  logout: { method: 'POST', path: '/auth/logout', headers: {} },
  user: {
    method: 'GET',
    path: '/api/user',
    headers: {},
    name: { body: 'user.username' },
    createdOn: { body: 'session.createdOn' },
    signedOut: [401],
  },
  node: { header: 'X-Served-By' },
}

export const speech = givenApp?.speech ?? THIS_PROJECT
