import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { z } from 'zod'
import { command, TOP } from './command.ts'

export const PROVER = `${TOP}/test/prove/dist/test/prove/src/cli.js`

const reportSchema = z.object({
  outcome: z.string(),
  nodes: z.array(z.string()),
  requests: z.number(),
  answers: z.array(
    z.object({
      id: z.string(),
      title: z.string(),
      verdict: z.enum(['PASS', 'FAIL', 'NOT JUDGED']),
      did: z.string(),
      saw: z.array(z.string()),
      concluded: z.string(),
    }),
  ),
})

interface Given {
  only?: string | undefined
  args?: readonly string[]
  env?: Record<string, string>
}

/** Runs the prover with this description in a folder of its own. */
export async function proveApp(t: TestContext, description: unknown, { only, args = [], env = {} }: Given = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'prover-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  // JSON is YAML too. The text of a test may be YAML.
  await writeFile(
    join(folder, 'app.yml'),
    typeof description === 'string' ? description : JSON.stringify(description, null, 2),
  )
  const options = [...(only === undefined ? [] : ['--only', only]), ...args]
  const { code, output } = await command('node', [PROVER, 'app.yml', ...options], env, folder)
  const read = (name: string) => readFile(join(folder, 'prove-report', name), 'utf8').catch(() => '')
  const json = await read('report.json')
  const report = json === '' ? undefined : reportSchema.parse(JSON.parse(json))
  return { code, output, folder, report, html: await read('report.html'), junit: await read('junit.xml'), json }
}

const control = (url: string, what: string) =>
  `node -e "fetch('${url}/control/${what}', { method: 'POST' }).then((res) => process.exit(res.ok ? 0 : 1))"`

/** How the liar speaks: test/support/app-liar.ts. */
export const liarDescription = (url: string) => ({
  url,
  login: {
    path: '/login',
    form: { username: '{username}', password: '{password}' },
    csrf: { page: '/login', from: { body: 'form' }, field: 'csrf' },
  },
  user: { path: '/me', name: { body: 'user' } },
  logout: { path: '/logout' },
  node: { header: 'X-Node' },
  accounts: ['ann', 'bob', 'cat'].map((username) => ({ username, password: `secret-of-${username}` })),
  data: { change: { path: '/basket' }, read: { path: '/basket' }, value: { body: 'basket' } },
  store: { stop: control(url, 'away'), start: control(url, 'back'), awaySeconds: 1, answerSeconds: 3, backSeconds: 5 },
  restart: { command: control(url, 'restart') },
})
