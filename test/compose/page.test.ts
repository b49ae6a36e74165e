import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { alertWith, ask, assertAccessible, haveSession, text, tokenOf, visit } from '../../app/test/lib/browser-page.ts'
import { chromiumPath, launchChromium } from '../../app/test/lib/chromium.ts'
import { listenTo, telling } from '../../app/test/lib/event-client.ts'
import { testPage } from '../../app/test/lib/page-contract.ts'
import { until } from '../../app/test/lib/until.ts'
import { command, succeed } from '../lib/command.ts'
import { createComposeStack } from '../lib/compose-stack.ts'
import { readSealKeys } from '../lib/seal-keys.ts'

const skip = chromiumPath ? false : 'no Chromium on this machine'
const stack = createComposeStack('sessions-test-page', { LOGIN_FAILURES_SECONDS: '4' })
const { docker, make, containerOf } = stack
let browser: Browser

before(async () => {
  if (skip) return
  await stack.choosePorts()
  await stack.up()
  browser = await launchChromium()
})
after(async () => {
  if (skip) return
  await browser.close()
  await stack.down()
})

testPage(
  skip,
  () => browser,
  () => ({
    url: stack.url(),
    redis: async (...words) => (await stack.redisCli('--raw', ...words)).trim(),
    sealKeys: readSealKeys(),
    pauseRedis: async () => void (await docker('pause', containerOf('redis-1'))),
    resumeRedis: async () => void (await docker('unpause', containerOf('redis-1'))),
  }),
)

function guarantee(name: string, fn: () => Promise<void>): void {
  test(name, { skip }, async (t) => {
    t.after(() => Promise.all(browser.contexts().map((context) => context.close())))
    await fn()
  })
}

const box = (page: Page, node: string) => page.locator(`.node[data-node="${node}"]`)
/** The node through which the page is told what happens. */
const feedNode = async (page: Page) => (await text(page, '#feed-state')).replace('Live, through ', '')
/** How often the feed tells this of the node. */
const told = (page: Page, type: string, node: string) => page.locator(`#events li.${type}`, { hasText: node }).count()
const TWO_SECONDS = { timeout: 2_000 }

guarantee(
  'five nodes are on the map within two seconds of their start, and three again when two have gone',
  async () => {
    const { page, complaints } = await visit(browser, stack.url())
    await haveSession(page)
    await make('scale', 'N=5')
    for (const node of ['app-4', 'app-5']) await box(page, node).waitFor(TWO_SECONDS)
    assert.equal(await text(page, '#node-count'), 'five')
    await page.getByRole('button', { name: 'Prove it' }).click()
    await page.locator('#prove:enabled').waitFor()
    assert.equal(await page.locator('#matrix tr.current td.honoured').count(), 5)
    await make('scale', 'N=3')
    for (const node of ['app-4', 'app-5']) {
      await page.locator(`.node.gone[data-node="${node}"]`).waitFor(TWO_SECONDS)
      await page.locator('#events li.node_draining', { hasText: node }).waitFor()
      await page.locator('#events li.node_gone', { hasText: node }).waitFor()
    }
    await box(page, 'app-5').waitFor({ state: 'detached' })
    assert.equal(await text(page, '#node-count'), 'three')
    assert.deepEqual(complaints, [])
  },
)

guarantee(
  'a node that is stopped shows within two seconds; the page it was telling goes on through another, and misses nothing',
  async () => {
    const { page, complaints } = await visit(browser, stack.url())
    await haveSession(page)
    const node = await feedNode(page)
    const before = [await told(page, 'node_draining', node), await told(page, 'node_gone', node)]
    const stopping = docker('stop', containerOf(node))
    await page.locator(`.node.draining[data-node="${node}"]`).waitFor(TWO_SECONDS)
    await until('another node tells', async () =>
      (await page.locator('#feed-state.live').count()) ? (await feedNode(page)) !== node : false,
    )
    await stopping
    await page.locator(`.node.gone[data-node="${node}"]`).waitFor(TWO_SECONDS)
    await until(
      'it is told that the node is gone',
      async () => (await told(page, 'node_gone', node)) > (before[1] ?? 0),
    )
    assert.deepEqual(
      [await told(page, 'node_draining', node), await told(page, 'node_gone', node)],
      before.map((count) => count + 1),
      'each is told once, whoever told it',
    )
    assert.equal(await page.locator('#events li.gap').count(), 0)
    await docker('start', containerOf(node))
    await page.locator(`.node:not(.gone)[data-node="${node}"]`).waitFor()
    // A stream that is ended properly is no error to the browser.
    assert.deepEqual(complaints, [])
  },
)

guarantee(
  'a node that is killed shows within two seconds, and the page it was telling goes on through another',
  async () => {
    const { page } = await visit(browser, stack.url())
    await haveSession(page)
    const node = await feedNode(page)
    const before = await told(page, 'node_up', node)
    const killedAt = performance.now()
    // All that runs in the container: Docker then starts it again, which it would not after `docker kill`.
    await docker('exec', containerOf(node), 'sh', '-c', 'kill -9 -1').catch(() => {})
    // Its heartbeat is missed, or it is back before that.
    await until('the page shows it', async () => {
      const isSuspect = (await page.locator(`.node.suspect[data-node="${node}"]`).count()) === 1
      return isSuspect || (await told(page, 'node_up', node)) > before
    })
    assert.ok(performance.now() - killedAt < 2_000, `after ${performance.now() - killedAt} ms`)
    await page.locator('#feed-state.live').waitFor()
    const logins = await page.locator('#events li.login').count()
    await haveSession((await visit(browser, stack.url())).page)
    await page.locator('#events li.login').nth(logins).waitFor()
  },
)

guarantee('a node that hangs for two seconds is shown as suspect, and no event says that it left or came', async () => {
  const { page } = await visit(browser, stack.url())
  await haveSession(page)
  const teller = await feedNode(page)
  const node = ['app-1', 'app-2', 'app-3'].find((name) => name !== teller) ?? ''
  const toldOfIt = async () => [await told(page, 'node_gone', node), await told(page, 'node_up', node)]
  const before = await toldOfIt()
  await docker('pause', containerOf(node))
  try {
    await page.locator(`.node.suspect[data-node="${node}"]`).waitFor(TWO_SECONDS)
    assert.match(await text(page, `.node[data-node="${node}"]`), /heartbeat is late$/)
  } finally {
    await docker('unpause', containerOf(node))
  }
  await page.locator(`.node:not(.suspect):not(.gone)[data-node="${node}"]`).waitFor()
  assert.deepEqual(await toldOfIt(), before)
  assert.equal(await page.locator('#events li.node_suspect, #events li.node_heard').count(), 0)
})

guarantee('nginx passes events on as they come, whoever asks and however many', async () => {
  const visitor = await stack.visitor()
  const cookie = visitor.cookie() ?? ''
  const memoryOf = async (container: string) => {
    const bytes = await docker('exec', container, 'cat', '/sys/fs/cgroup/memory.current').catch(() => '')
    return Number(bytes || (await docker('exec', container, 'cat', '/sys/fs/cgroup/memory/memory.usage_in_bytes')))
  }
  const before = await memoryOf(containerOf('nginx-1'))
  // A user has 20 streams on a node at most; the others have no session.
  const ofUser = await Promise.all(Array.from({ length: 30 }, () => listenTo(stack.url(), { cookie })))
  const anonymous = await Promise.all(Array.from({ length: 470 }, () => listenTo(stack.url())))
  const pages = [...ofUser, ...anonymous]
  const hellos = await Promise.all(pages.map((page) => page.message(({ name }) => name === 'hello')))
  assert.deepEqual([...new Set(hellos.map(({ data }) => data.node))].sort(), ['app-1', 'app-2', 'app-3'])
  const growth = (await memoryOf(containerOf('nginx-1'))) - before
  process.stdout.write(`500 open pages: ${(growth / 1e6).toFixed(1)} MB more in nginx\n`)
  assert.ok(growth < 40e6, `${growth} bytes`)
  // Longer than any other answer may take to come through nginx.
  const openedAt = performance.now()
  await until('it has been quiet for a while', () => performance.now() - openedAt > 6_000)
  const startedAt = performance.now()
  await stack.visitor()
  await Promise.all(ofUser.map((page) => page.message(telling('login', { isReplayed: false }))))
  assert.ok(performance.now() - startedAt < 1_500, `after ${performance.now() - startedAt} ms`)
  for (const page of pages) page.close()
})

guarantee(
  'what an administrator ends is over on the screen within a second, and the page says who it was',
  async () => {
    const { page } = await visit(browser, stack.url())
    await haveSession(page, 'grace')
    const shown = alertWith(page, 'Your session was ended by an administrator')
      .waitFor()
      .then(() => performance.now())
    const said = await make('end-sessions', 'USER=grace')
    assert.match(said, /Ended session/)
    const endedAt = performance.now()
    assert.ok((await shown) - endedAt < 1_000)
    assert.equal((await page.request.get(`${stack.url()}/api/user`)).status(), 401)
  },
)

guarantee('the commands on the page, pasted into a shell, show the session and its time to live', async () => {
  const { page } = await visit(browser, stack.url())
  await haveSession(page, 'grace')
  const run = async (selector: string) => (await succeed('bash', ['-c', await text(page, selector)], stack.env)).trim()
  const record = JSON.parse(await run('#command-GET'))
  assert.equal(record.user.username, 'grace')
  const { session } = await (await page.request.get(`${stack.url()}/api/user`)).json()
  assert.equal(session.id, await text(page, '#session-id'))
  assert.equal(record.createdAt, session.createdAt)
  const ttl = Number(await run('#command-TTL'))
  assert.ok(ttl > 3_500 && ttl <= 3_600, String(ttl))
})

guarantee(
  'the experiment: off until asked for; then nodes that keep sessions to themselves break the login, for all to see',
  async () => {
    const { page } = await visit(browser, stack.url())
    await haveSession(page, 'alan')
    const token = await tokenOf(page)
    await page.getByRole('switch').click()
    await alertWith(page, 'The control nodes are not up. Start them with: make control').waitFor()
    assert.equal(await page.getByRole('switch').getAttribute('aria-checked'), 'false')
    assert.equal((await docker('compose', 'ps', '--quiet', 'control')).trim(), '')

    assert.match(await make('control'), /flip the switch/)
    await until('nginx knows them', async () => (await stack.stranger().ask('/control/api/cluster')).status === 200)
    await page.getByRole('switch').click()
    await page.locator('.node[data-node="control-1"]').waitFor()
    assert.equal(await page.getByRole('alert').count(), 0)
    await page.getByRole('button', { name: 'Log in as ada' }).click()
    await page.locator('#matrix td.refused').nth(1).waitFor()
    await page.locator('#prove:enabled').waitFor()
    const createdOn = await text(page, '#created-on')
    assert.match(createdOn, /^control-\d$/)
    assert.equal(await page.locator('#matrix td.honoured').count(), 1, 'only the node that created it')
    assert.match(await text(page, `.node[data-node="${createdOn}"]`), /your session is in here/)
    assert.match(await text(page, '#map-redis'), /is not asked/)
    await until('a node refuses', async () => {
      await page.getByRole('button', { name: 'Ask: who am I?' }).click()
      return (await text(page, '#sentence')).includes(`refused you: your session is in the memory of ${createdOn}`)
    })
    assert.ok(await page.locator('#why').isVisible())
    await assertAccessible(page, 'in the experiment')

    // The real session has a cookie of its own, and is still there.
    await page.getByRole('switch').click()
    await page.getByRole('heading', { name: 'You are Alan Turing' }).waitFor()
    assert.equal(await tokenOf(page), token)
    await page.locator('.node[data-node="app-1"]').waitFor()
    await ask(page)
    for (const path of ['/control/metrics', '/control/livez']) {
      assert.equal((await stack.stranger().ask(path)).status, 404, path)
    }
    await make('control', 'OFF=1')
    assert.equal((await stack.stranger().ask('/control/api/cluster')).status, 503)
    assert.doesNotMatch(await stack.redisCli('ACL', 'LOG'), /^app$/m, 'the app was refused something by Redis')
  },
)

guarantee('an open page does not hold up nginx when it stops', async () => {
  const { page } = await visit(browser, stack.url())
  const startedAt = performance.now()
  const { code } = await command('docker', ['stop', containerOf('nginx-1')], stack.env)
  assert.equal(code, 0)
  assert.ok(performance.now() - startedAt < 10_000, `after ${performance.now() - startedAt} ms`)
  await page.locator('#feed-state.lost').waitFor()
  await docker('start', containerOf('nginx-1'))
  await page.locator('#feed-state.live').waitFor()
  stack.assertNoSecretIsLogged()
})
