import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, BrowserContext } from 'playwright-core'
import { chromiumPath, launchChromium } from '../support/chromium.ts'
import { cookieOf, logIn } from '../support/http.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { newAccount, startTestNode, type TestNode } from '../support/test-node.ts'
import { makeCertificate, passTo, serveTls, type TlsServer } from '../support/tls-front.ts'

// Two hosts of one domain, over TLS, in a real browser: the stack's, and a neighbour's that can set cookies for both.
const skip = chromiumPath ? false : 'Chromium is not installed'
const [SHOP, EVIL] = ['shop.example.test', 'evil.example.test']
const utf8 = (text: string) => Buffer.from(text).toString('latin1')

let redis: TestRedis
let node: TestNode
let shop: TlsServer
let evil: TlsServer
let browser: Browser
let attackersToken: string
const passwords: Record<string, string> = {}

before(async () => {
  if (skip) return
  redis = await startTestRedis()
  const accounts = await Promise.all(['visitor', 'attacker'].map((name) => newAccount(name)))
  for (const { account, password } of accounts) passwords[account.username] = password
  node = await startTestNode(redis.url, {
    name: 'edge',
    accounts: accounts.map(({ account }) => account),
    trustProxyHops: 1,
  })
  const certificate = await makeCertificate(SHOP, EVIL)
  shop = await serveTls(certificate, passTo(node.url))
  // The query contains the bytes of the cookie that the attacker's page sets.
  evil = await serveTls(certificate, (req, res) => {
    const cookie = new URL(req.url ?? '', 'https://any').searchParams.get('cookie')
    if (cookie !== null) res.setHeader('Set-Cookie', `${cookie}; Domain=example.test; Path=/; Secure`)
    res.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>Neighbour</title>')
  })
  const credentials = { username: 'attacker', password: passwords.attacker ?? '' }
  const cookie = cookieOf(await logIn(node.url, credentials, { 'X-Forwarded-Proto': 'https' }))
  attackersToken = cookie.replace('__Host-sid=', '')
  browser = await launchChromium(['--host-resolver-rules=MAP *.example.test 127.0.0.1'])
})
after(async () => {
  if (skip) return
  await browser.close()
  await Promise.all([shop.stop(), evil.stop()])
  await node.stop()
  await redis.stop()
})

/** Not the stack's page, which loads much: what counts is that a document of its host sends the request. */
const shopUrl = () => `https://${SHOP}:${shop.port}/nowhere`

/** The logged-in user as the stack's page sees it, or the reason of the 401. */
async function whoIsLoggedIn(context: BrowserContext): Promise<unknown> {
  const page = await context.newPage()
  await page.goto(shopUrl())
  const answer = await page.evaluate(`fetch('/api/user').then((response) => response.json())`)
  await page.close()
  return answer instanceof Object && 'user' in answer && answer.user instanceof Object && 'username' in answer.user
    ? answer.user.username
    : undefined
}

async function letNeighbourSet(context: BrowserContext, name: string): Promise<void> {
  const page = await context.newPage()
  await page.goto(`https://${EVIL}:${evil.port}/?cookie=${encodeURIComponent(`${name}=${attackersToken}`)}`)
  // The same from a script, which writes text instead of bytes.
  const asText = Buffer.from(name, 'latin1').toString()
  await page.evaluate(
    `document.cookie = ${JSON.stringify(`${asText}=${attackersToken}`)} + '; Domain=example.test; Path=/; Secure'`,
  )
  await page.close()
}

for (const [what, name] of [
  ['with the byte A0 before it', '\xa0__Host-sid'],
  ['with the byte A0 after it', '__Host-sid\xa0'],
  ['with U+00A0 before it', utf8('\u00a0__Host-sid')],
  ['with U+2003 before it', utf8('\u2003__Host-sid')],
  ['of the same name for the whole domain', '__Host-sid'],
  ['of the same name in capitals', '__HOST-SID'],
  ['with a dollar before it', '$__Host-sid'],
  ['in quotes', '"__Host-sid"'],
  ['without a name, whose value starts with the name', '=__Host-sid'],
] as const) {
  test(`a neighbour’s cookie ${what} logs no visitor in and none out`, { skip }, async (t) => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, bypassCSP: true })
    t.after(() => context.close())
    await letNeighbourSet(context, name)
    assert.equal(await whoIsLoggedIn(context), undefined)

    const credentials = { username: 'visitor', password: passwords.visitor }
    const page = await context.newPage()
    await page.goto(shopUrl())
    const status = await page.evaluate(`fetch('/auth/login', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: ${JSON.stringify(JSON.stringify(credentials))},
    }).then((response) => response.status)`)
    assert.equal(status, 200)
    assert.equal(await whoIsLoggedIn(context), 'visitor')
    await letNeighbourSet(context, name)
    assert.equal(await whoIsLoggedIn(context), 'visitor')
    // No login or logout of the visitor uses the attacker's session.
    const attackers = await fetch(`${node.url}/api/user`, {
      headers: { Cookie: `__Host-sid=${attackersToken}`, 'X-Forwarded-Proto': 'https' },
    })
    assert.equal(attackers.status, 200)
  })
}
