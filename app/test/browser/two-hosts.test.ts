import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, BrowserContext } from 'playwright-core'
import { chromiumPath, launchChromium } from '../lib/chromium.ts'
import { cookieOf, post } from '../lib/http.ts'
import { startTestRedis, type TestRedis } from '../lib/redis-server.ts'
import { newAccount, startTestNode, type TestNode } from '../lib/test-node.ts'
import { makeCertificate, passTo, serveTls, type TlsServer } from '../lib/tls-front.ts'

// Two hosts under one domain, over TLS, in a real browser: ours, and a neighbour's that may set cookies for both.
const skip = chromiumPath ? false : 'no Chromium on this machine'
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
  // What the attacker's page sets is in its query, byte by byte.
  evil = await serveTls(certificate, (req, res) => {
    const cookie = new URL(req.url ?? '', 'https://any').searchParams.get('cookie')
    if (cookie !== null) res.setHeader('Set-Cookie', `${cookie}; Domain=example.test; Path=/; Secure`)
    res.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html><title>Neighbour</title>')
  })
  const credentials = { username: 'attacker', password: passwords.attacker }
  const cookie = cookieOf(await post(node.url, '/auth/login', credentials, { 'X-Forwarded-Proto': 'https' }))
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

/** Who is logged in, as a page of ours sees it; or the reason why nobody is. */
async function whoIsLoggedIn(context: BrowserContext): Promise<unknown> {
  const page = await context.newPage()
  await page.goto(`https://${SHOP}:${shop.port}/icon.svg`)
  const answer = await page.evaluate(`fetch('/api/user').then((response) => response.json())`)
  await page.close()
  return answer instanceof Object && 'user' in answer && answer.user instanceof Object && 'username' in answer.user
    ? answer.user.username
    : undefined
}

async function letNeighbourSet(context: BrowserContext, name: string): Promise<void> {
  const page = await context.newPage()
  await page.goto(`https://${EVIL}:${evil.port}/?cookie=${encodeURIComponent(`${name}=${attackersToken}`)}`)
  // The same by a script, which writes text instead of bytes.
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
  ['of the same name, for the whole domain', '__Host-sid'],
  ['of the same name in capitals', '__HOST-SID'],
  ['with a dollar before it', '$__Host-sid'],
  ['in quotes', '"__Host-sid"'],
  ['without a name, whose value begins with the name', '=__Host-sid'],
] as const) {
  test(`a neighbour’s cookie ${what} signs no visitor in, and none out`, { skip }, async (t) => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true })
    t.after(() => context.close())
    await letNeighbourSet(context, name)
    assert.equal(await whoIsLoggedIn(context), undefined)

    const credentials = { username: 'visitor', password: passwords.visitor }
    const page = await context.newPage()
    await page.goto(`https://${SHOP}:${shop.port}/icon.svg`)
    const status = await page.evaluate(`fetch('/auth/login', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: ${JSON.stringify(JSON.stringify(credentials))},
    }).then((response) => response.status)`)
    assert.equal(status, 200)
    assert.equal(await whoIsLoggedIn(context), 'visitor')
    await letNeighbourSet(context, name)
    assert.equal(await whoIsLoggedIn(context), 'visitor')
    // No login and no logout of the visitor takes the attacker's session for its own.
    const attackers = await fetch(`${node.url}/api/user`, {
      headers: { Cookie: `__Host-sid=${attackersToken}`, 'X-Forwarded-Proto': 'https' },
    })
    assert.equal(attackers.status, 200)
  })
}
