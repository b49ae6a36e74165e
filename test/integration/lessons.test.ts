import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Checkout, checkOut } from '../support/checkout.ts'
import { command, succeed } from '../support/command.ts'
import { cookieOf, logIn } from '../support/http.ts'
import { lastingPort } from '../support/lasting-port.ts'
import { fillWith, readLessons } from '../support/lesson-texts.ts'
import { until } from '../support/until.ts'

// The commands of the lessons that need no Docker, on a stack of local processes.
const ROTATION = { SESSION_ROTATE: '2', SESSION_ROTATE_GRACE: '1', SESSION_RENEW_SECONDS: '0' }
const env = {
  DOCKER_HOST: 'tcp://127.0.0.1:1',
  COMPOSE_PROJECT_NAME: `test-lessons-${process.pid}`,
  PORT: '',
  ...ROTATION,
}
const ADA = { username: 'ada', password: 'analytical-engine' }
let checkout: Checkout
let url: string

before(async () => {
  env.PORT = String(await lastingPort())
  url = `http://localhost:${env.PORT}`
  checkout = await checkOut()
  await succeed('make', ['up'], env, checkout.folder)
})
after(async () => {
  await command('make', ['down'], env, checkout.folder)
  await checkout.remove()
})

/** Runs a command of a lesson, which is that of its step `number`, counted from 1. */
async function runStep(id: string, number: number, names: Record<string, string> = {}): Promise<string> {
  const lesson = (await readLessons()).find((one) => one.id === id)
  const line = lesson?.steps[number - 1]?.command
  assert.ok(line, `${id} has no command in step ${number}`)
  const filled = fillWith(line, { url, user: 'ada', cookie: 'sid', insecure: '', ...names })
  return succeed('bash', ['-c', filled], env, checkout.folder)
}

const whoAmI = async (cookie: string) => {
  const response = await fetch(`${url}/api/user`, { headers: { Cookie: cookie } })
  return { response, body: await response.text() }
}

test('the commands of "Any node" log in and show three nodes that serve the session', async () => {
  const answers = await runStep('any-node', 2)
  const created = new Set([...answers.matchAll(/"createdOn":"(app-\d)"/g)].map(([, node]) => node))
  const servedBy = [...answers.matchAll(/"servedBy":"(app-\d)"/g)].map(([, node]) => node)
  assert.equal(created.size, 1, answers)
  assert.equal(new Set(servedBy).size, 3, answers)
})

test('the command of "Logout is everywhere" ends the session on each node', async () => {
  const cookie = cookieOf(await logIn(url, ADA))
  await runStep('logout-everywhere', 1)
  for (let asked = 0; asked < 3; asked++) assert.match((await whoAmI(cookie)).body, /"reason":"revoked"/)
})

test('the command of "A stolen cookie" sends the replaced token, and ends the session', async () => {
  let cookie = cookieOf(await logIn(url, ADA))
  const first = cookie
  await until('the token is replaced', async () => {
    const { response } = await whoAmI(cookie)
    if (response.headers.has('set-cookie')) cookie = cookieOf(response)
    return cookie !== first
  })
  assert.equal((await whoAmI(cookie)).response.status, 200)
  const hint = `session:${first.replace(/^sid=/, '').slice(0, 6)}`
  await until('the thief is rejected', async () =>
    (await runStep('stolen-cookie', 3, { hint })).includes('Not logged in'),
  )
  assert.match((await whoAmI(cookie)).body, /"reason":"token_reused"/)
})
