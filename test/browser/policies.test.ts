import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { chromiumPath, launchChromium } from '../support/chromium.ts'
import { PAGE_POLICIES } from '../support/policy-headers.ts'
import { type Program, runNode } from '../support/program.ts'
import { startTestRedis, type TestRedis } from '../support/redis-server.ts'
import { makeCertificate, passTo, serveTls, type TlsServer } from '../support/tls-front.ts'

// The effect of a node's policies in a real browser, and the reports that the node receives.
const skip = chromiumPath ? false : 'Chromium is not installed'
const SECRET = 'se-cret'
let redis: TestRedis
let node: Program
let url: string
let front: TlsServer
let browser: Browser

before(async () => {
  if (skip) return
  redis = await startTestRedis()
  node = runNode('server', { REDIS_URL: redis.url, TRUST_PROXY_HOPS: '1' })
  const { port } = await node.listening()
  url = `http://localhost:${port}`
  front = await serveTls(await makeCertificate('localhost'), passTo(`http://127.0.0.1:${port}`))
  // Makes the browser send reports immediately, not within a minute. It sends none if the certificate is not trusted.
  browser = await launchChromium(['--short-reporting-delay', '--ignore-certificate-errors'])
})
after(async () => {
  if (skip) return
  await browser.close()
  await front.stop()
  node.signal('SIGTERM')
  await node.ended
  await redis.stop()
})

async function openOurPage(origin = url): Promise<Page> {
  const page = await (await browser.newContext()).newPage()
  await page.goto(`${origin}/?token=${SECRET}`)
  return page
}

const violation = (rule: string, blocked?: string) =>
  node.line((line) => line.event === 'policy_violation' && line.rule === rule && line.blocked === blocked)

test('no string becomes HTML or a script of the page, and the node logs each attempt without its content', {
  skip,
}, async () => {
  const page = await openOurPage()
  const outcome = await page.evaluate(`(() => {
    const attempt = (work) => { try { work(); return 'done' } catch (error) { return error.name } }
    return [
      attempt(() => { document.body.innerHTML = '<b>${SECRET}</b>' }),
      attempt(() => { document.createElement('script').text = 'window.isHarmed = "${SECRET}"' }),
      attempt(() => { document.createElement('a').setAttribute('onclick', '${SECRET}') }),
      attempt(() => { trustedTypes.createPolicy('${SECRET}', { createHTML: (html) => html }) }),
    ]
  })()`)
  assert.deepEqual(outcome, ['TypeError', 'TypeError', 'TypeError', 'TypeError'])
  assert.equal(await page.locator('h1').count(), 1)
  const line = await violation('require-trusted-types-for', 'trusted-types-sink')
  assert.deepEqual([line.kind, line.page], ['csp-violation', '/'])
  await violation('trusted-types', 'trusted-types-policy')

  await page.evaluate(`(() => {
    const inline = document.createElement('script')
    inline.append('window.isHarmed = "${SECRET}"')
    document.body.append(inline)
    const image = new Image()
    image.src = 'http://127.0.0.1:1/${SECRET}?${SECRET}'
  })()`)
  await violation('img-src', 'http://127.0.0.1:1')
  assert.equal(await page.evaluate('window.isHarmed'), undefined)
  assert.ok(!JSON.stringify(node.lines).includes(SECRET))
  await page.context().close()
})

test('the page may write to the clipboard and use no other feature of the machine', { skip }, async () => {
  const page = await openOurPage()
  const allowed = await page.evaluate(`document.featurePolicy.allowedFeatures()`)
  assert.ok(Array.isArray(allowed) && allowed.includes('clipboard-write'))
  const refused = [...PAGE_POLICIES['Permissions-Policy'].matchAll(/([a-z-]+)=\(\)/g)].map(([, name]) => name)
  assert.ok(refused.length > 50 && refused.includes('camera') && refused.includes('geolocation'))
  assert.deepEqual(
    refused.filter((feature) => allowed.includes(feature)),
    [],
  )
  assert.equal(await page.evaluate('String(window.crossOriginIsolated) + typeof SharedArrayBuffer'), 'falseundefined')
  await page.context().close()
})

test('over TLS, a node also receives reports about the other policies', { skip }, async () => {
  const page = await openOurPage(`https://localhost:${front.port}`)
  await page.evaluate(`new Promise((resolve) => navigator.geolocation.getCurrentPosition(resolve, resolve))`)
  const line = await node.line(({ kind }) => kind === 'permissions-policy-violation')
  assert.deepEqual([line.event, line.rule, line.page], ['policy_violation', 'geolocation', '/'])
  assert.ok(!JSON.stringify(node.lines).includes(SECRET))
  await page.context().close()
})

test('no other page can load anything of /api by nine methods, and any page may link to this one', {
  skip,
}, async (t) => {
  const elsewhere = createServer(
    (_req, res) => void res.setHeader('Content-Type', 'text/html').end('<title>Else</title>'),
  )
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve))
  const context = await browser.newContext()
  t.after(async () => {
    await context.close()
    elsewhere.closeAllConnections()
    elsewhere.close()
  })
  const page = await context.newPage()
  // Another site: for a browser, the name and the address of this machine are two sites.
  await page.goto(`http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`)
  // Each method uses its own path, which identifies its response in the node's log.
  const answerTo = async (means: string, code: string) => {
    await page.evaluate(code.replace('URL', JSON.stringify(`${url}/api/by-${means}`)))
    return (await node.line(({ path }) => path === `/api/by-${means}`)).status
  }
  for (const [means, code] of [
    ['fetch', `void fetch(URL, { credentials: 'include', mode: 'no-cors' })`],
    ['stream', `void new EventSource(URL, { withCredentials: true })`],
    ['image', `new Image().src = URL`],
    ['script', `document.body.append(Object.assign(document.createElement('script'), { src: URL }))`],
    ['style', `document.body.append(Object.assign(document.createElement('link'), { rel: 'stylesheet', href: URL }))`],
    ['frame', `document.body.append(Object.assign(document.createElement('iframe'), { src: URL }))`],
    ['object', `document.body.append(Object.assign(document.createElement('object'), { data: URL }))`],
    ['video', `document.body.append(Object.assign(document.createElement('video'), { src: URL }))`],
    ['window', `void window.open(URL)`],
  ] as const) {
    assert.equal(await answerTo(means, code), 403, means)
  }
  const link = page.waitForNavigation()
  await page.evaluate(`void (location.href = ${JSON.stringify(url)} + '/')`)
  assert.equal((await link)?.status(), 200)
})
