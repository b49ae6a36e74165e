import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startAppLiar } from '../support/app-liar.ts'
import { succeed, TOP } from '../support/command.ts'
import { FORM_APP, startFormApp } from '../support/form-app.ts'
import { liarDescription, PROVER, proveApp } from '../support/prover.ts'
import { makeCertificate, passTo, serveTls } from '../support/tls-front.ts'
import { until } from '../support/until.ts'

test('an application that keeps its sessions right passes every question, and no session is left', async (t) => {
  const { url, left, requests } = await startAppLiar(t, 'none')
  const { code, output, report } = await proveApp(t, liarDescription(url))
  for (const { title, verdict, concluded } of report?.answers ?? [])
    assert.equal(verdict, 'PASS', `${title}: ${concluded}`)
  assert.equal(report?.answers.length, 11)
  assert.match(output, /\nPROVED\n/)
  assert.equal(code, 0)
  assert.equal(left(), 0)
  assert.equal(report?.requests, requests() - 3)
  assert.ok(requests() < 3_000)
})

test('the prover speaks with forms, redirects, pages, CSRF tokens and cookies that name the node', async (t) => {
  const { url, left } = await startFormApp(t)
  const { code, report } = await proveApp(t, FORM_APP.replace('URL', url), { env: { SHOP_PASSWORD: 'p&ss wörd' } })
  const judged = report?.answers.filter(({ id }) => id !== 'store-away' && id !== 'rolling-restart') ?? []
  for (const { title, verdict, concluded } of judged) assert.equal(verdict, 'PASS', `${title}: ${concluded}`)
  assert.deepEqual(report?.nodes, ['left', 'right'])
  assert.equal(code, 0)
  assert.equal(left(), 0)
})

test('no password and no token is in the output or a report, even if the description points at one', async (t) => {
  const { url, sessions } = await startAppLiar(t, 'none')
  const tokens = new Set<string>()
  const add = sessions.set.bind(sessions)
  sessions.set = (token, session) => {
    tokens.add(token)
    return add(token, session)
  }
  // The token as the name of a node.
  const description = { ...liarDescription(url), node: { cookie: 'sid' }, accounts: liarDescription(url).accounts }
  for (const given of [liarDescription(url), description]) {
    const { output, html, junit, json } = await proveApp(t, given, { only: 'every-node,logout-final,new-token' })
    for (const text of [output, html, junit, json]) {
      assert.ok(text.length > 100)
      for (const secret of [...tokens, 'secret-of-', 'csrf-token']) assert.ok(!text.includes(secret))
    }
  }
  assert.ok(tokens.size > 20)
})

test('the HTML report and the JUnit XML show the verdict of each question', async (t) => {
  const { url } = await startAppLiar(t, 'cookie for scripts')
  const { html, junit } = await proveApp(
    t,
    { ...liarDescription(url), name: 'A & "B"' },
    { only: 'cookie-flags,cache-headers' },
  )
  assert.match(html, /<title>FAILED: Sessions of A &#38; &#34;B&#34;<\/title>/)
  assert.match(html, /sid has no HttpOnly/)
  assert.doesNotMatch(html, /(?:src|href)=/)
  assert.match(junit, /<testsuite name="A &#38; &#34;B&#34;" tests="2" failures="1" errors="0" skipped="0"/)
  assert.match(junit, /name="The session cookie has its flags"[^>]*><failure message="sid has no HttpOnly/)
  assert.match(junit, /name="Responses for one user are not for shared caches"[^>]*><system-out>/)
})

test('over https, a session cookie without Secure fails', async (t) => {
  const { url } = await startAppLiar(t, 'none')
  const certificate = await makeCertificate('localhost')
  const front = await serveTls(certificate, passTo(url))
  t.after(() => front.stop())
  const folder = await mkdtemp(join(tmpdir(), 'ca-'))
  t.after(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'ca.pem'), certificate.cert)
  const env = { NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') }
  const { report } = await proveApp(
    t,
    { ...liarDescription(url), url: `https://localhost:${front.port}` },
    { only: 'cookie-flags', env },
  )
  assert.equal(report?.answers[0]?.verdict, 'FAIL')
  assert.match(report.answers[0].concluded, /sid has no Secure/)
})

const INVALID: [change: (given: ReturnType<typeof liarDescription>) => unknown, message: RegExp][] = [
  [() => 'url: [', /is neither YAML nor JSON/],
  [() => '', /the file: /],
  [({ login, ...given }) => given, /\n {2}login: is missing\n/],
  [(given) => ({ ...given, url: 'localhost:3000' }), /\n {2}url: must be an http or https URL\n/],
  [(given) => ({ ...given, logout: { path: 'logout' } }), /\n {2}logout\.path: must start with \/\n/],
  [(given) => ({ ...given, cookies: 'sid' }), /\n {2}cookies: is unknown\n/],
  [(given) => ({ ...given, node: {} }), /\n {2}node: must have one of header, cookie, body, pattern\n/],
  [
    (given) => ({ ...given, node: { pattern: '(' } }),
    /\n {2}node\.pattern: must be a regular expression with one \(group\)\n/,
  ],
  [(given) => ({ ...given, accounts: [{ username: 'ann' }] }), /\n {2}accounts\.0\.password: must be a text, or env/],
  [
    (given) => ({ ...given, accounts: [{ username: 'ann', password: { env: 'NOT_SET' } }] }),
    /\n {2}accounts\.0\.password: the environment variable NOT_SET is not set\n/,
  ],
  [
    (given) => ({ ...given, logout: { path: '/', json: {}, form: {} } }),
    /\n {2}logout: must have json or form, not both\n/,
  ],
  [
    (given) => ({ ...given, logout: { path: '/', csrf: { from: { body: 'token' }, field: 'token' } } }),
    /\n {2}logout\.csrf: must have page, unless from is a cookie\n/,
  ],
]
test('an invalid description gets one line for each fault, without the values, and sends no request', async (t) => {
  const { url, requests } = await startAppLiar(t, 'none')
  for (const [change, message] of INVALID) {
    const { code, output } = await proveApp(t, change(liarDescription(url)))
    assert.match(output, message)
    assert.match(output, /^app\.yml is not a valid description:\n/)
    assert.doesNotMatch(output, /secret-of|\n {4}at /)
    assert.equal(code, 3)
  }
  assert.equal(requests(), 0)
})

test('app.schema.json has the rules that the prover checks', async () => {
  const written: unknown = JSON.parse(await readFile(`${TOP}/test/prove/app.schema.json`, 'utf8'))
  assert.deepEqual(written, JSON.parse(await succeed('node', [PROVER, '--schema'])))
})

test('a run stops at its limit of requests, judges no more, and still logs out', async (t) => {
  const { url, left, requests } = await startAppLiar(t, 'none')
  const { code, report } = await proveApp(t, liarDescription(url), { args: ['--max-requests', '150'] })
  assert.match(report?.answers.at(-1)?.concluded ?? '', /the run has sent 150 requests, which is its limit/)
  assert.equal(report?.outcome, 'NOT PROVED')
  assert.equal(code, 2)
  assert.ok(requests() < 200)
  assert.equal(left(), 0)
})

test('nothing is judged if no server responds, and the report says so', async (t) => {
  const { code, report } = await proveApp(t, liarDescription('http://127.0.0.1:1'))
  for (const { verdict, concluded } of report?.answers ?? []) {
    assert.equal(verdict, 'NOT JUDGED')
    assert.match(concluded, /\/me gave no response/)
  }
  assert.equal(code, 2)
})

test('a run that is stopped brings the store back and logs out', async (t) => {
  const { url, left, isAway } = await startAppLiar(t, 'none')
  const folder = await mkdtemp(join(tmpdir(), 'prover-'))
  t.after(() => rm(folder, { recursive: true }))
  const given = liarDescription(url)
  await writeFile(join(folder, 'app.json'), JSON.stringify({ ...given, store: { ...given.store, awaySeconds: 60 } }))
  const prover = spawn('node', [PROVER, 'app.json', '--only', 'store-away'], { cwd: folder, stdio: 'ignore' })
  t.after(() => prover.kill('SIGKILL'))
  await until('the store is away', isAway)
  prover.kill('SIGTERM')
  const [code] = await once(prover, 'exit')
  assert.equal(code, 3)
  assert.equal(isAway(), false)
  assert.equal(left(), 0)
})

test('npm pack makes a package that runs alone in an empty folder', async (t) => {
  const { url } = await startAppLiar(t, 'none')
  const folder = await mkdtemp(join(tmpdir(), 'packed-'))
  t.after(() => rm(folder, { recursive: true }))
  await succeed('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], {}, `${TOP}/test/prove`)
  const modules = join(folder, 'node_modules')
  await mkdir(modules)
  await succeed('tar', ['-xf', 'prove-sessions-1.0.0.tgz', '-C', modules], {}, folder)
  // Its only dependencies, as npm would install them.
  for (const name of ['yaml', 'zod']) await symlink(`${TOP}/test/node_modules/${name}`, join(modules, name))
  await writeFile(join(folder, 'app.json'), JSON.stringify(liarDescription(url)))
  const program = 'node_modules/package/dist/test/prove/src/cli.js'
  assert.match(await succeed('node', [program, 'app.json', '--only', 'cookie-flags'], {}, folder), /\nPROVED\n/)
  for (const file of ['report.html', 'junit.xml', 'report.json']) await readFile(join(folder, 'prove-report', file))
  await readFile(join(modules, 'package/app.schema.json'))
})
