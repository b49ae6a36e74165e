import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { type ApartBrowser, launchApart } from '../support/apart.ts'
import { alertWith, ask, assertAccessible, logInElsewhere, text, tokenOf, visit } from '../support/browser-page.ts'
import { chromiumPath } from '../support/chromium.ts'
import { command, succeed } from '../support/command.ts'
import { createComposeStack, untilEveryNodeAccepts } from '../support/compose-stack.ts'
import { listenTo, telling } from '../support/event-client.ts'
import { lastingPort } from '../support/lasting-port.ts'
import { testPage } from '../support/page-contract.ts'
import { leavePages } from '../support/page-pool.ts'
import { readSealKeys } from '../support/seal-keys.ts'
import { startStopwatch, within } from '../support/stopwatch.ts'
import { until } from '../support/until.ts'
import type { Visitor } from '../support/visitor.ts'

const skip = chromiumPath ? false : 'Chromium is not installed'
const stack = createComposeStack('sessions-test-page', { LOGIN_FAILURES_SECONDS: '12' })
const { docker, make, containerOf } = stack
let apart: ApartBrowser
let browser: Browser
let frontPort: number

before(async () => {
  if (skip) return
  await stack.choosePorts()
  await stack.up()
  frontPort = await lastingPort()
  apart = await launchApart([Number(stack.env.PORT), frontPort])
  browser = apart.browser
})
after(async () => {
  if (skip) return
  await apart.close()
  await stack.down()
})

/** It sees when a Redis that was paused serves all nodes again. */
let visitor: Visitor
testPage(
  skip,
  () => browser,
  () => ({
    url: stack.url(),
    frontPort,
    redis: async (...words) => (await stack.redisCli('--raw', ...words)).trim(),
    sealKeys: readSealKeys(),
    pauseRedis: async () => {
      visitor = await stack.visitor()
      await docker('pause', containerOf('redis-1'))
    },
    resumeRedis: async () => {
      await docker('unpause', containerOf('redis-1'))
      await untilEveryNodeAccepts(visitor)
    },
  }),
)

function guarantee(name: string, fn: () => Promise<void>): void {
  test(name, { skip }, async (t) => {
    t.after(() => leavePages(browser))
    await fn()
  })
}

const box = (page: Page, node: string) => page.locator(`.node[data-node="${node}"]`)
/** The node that serves the page's event stream. */
const feedNode = async (page: Page) => (await text(page, '#feed-state')).replace('Connected to ', '')
/** Resolves as soon as the page shows this state of the node, however briefly. To be called before it is caused. */
function showing(page: Page, node: string, state: 'draining' | 'gone'): Promise<unknown> {
  const selector = `.node.${state}[data-node="${node}"]`
  const shown = page.evaluate(`new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      if (!document.querySelector('${selector}')) return
      observer.disconnect()
      resolve(true)
    })
    observer.observe(document.body, { subtree: true, childList: true, attributes: true })
  })`)
  // The test may fail before it waits for this.
  shown.catch(() => {})
  return shown
}
/** Each node has been connected long enough to report others as late: TRUSTED_AFTER_MS of app/src/membership/heartbeat.ts. */
const untilNodesAreTrusted = () =>
  until('each node has run for five seconds', async () => {
    const { nodes } = JSON.parse((await stack.stranger().ask('/api/cluster')).text)
    return nodes.length === 3 && nodes.every(({ uptimeSeconds }: { uptimeSeconds: number }) => uptimeSeconds >= 5)
  })
/** The number of events of this type and node in the feed. */
const told = (page: Page, type: string, node: string) => page.locator(`#events li.${type}`, { hasText: node }).count()

guarantee('the page shows five nodes within two seconds of their start, and three after two have left', async () => {
  const { page, complaints } = await visit(browser, stack.url(), { as: 'ada' })
  await make('scale', 'N=5')
  for (const node of ['app-4', 'app-5']) await within(2_000, `showing ${node}`, () => box(page, node).waitFor())
  assert.equal(await text(page, '#node-count'), 'five')
  await page.getByRole('button', { name: 'Check every node' }).click()
  await page.locator('#prove:enabled').waitFor()
  assert.equal(await page.locator('#matrix tr.current td.honoured').count(), 5)
  // The page shows them as gone for eight seconds only.
  const left = new Map(['app-4', 'app-5'].map((node) => [node, showing(page, node, 'gone')]))
  await make('scale', 'N=3')
  for (const [node, gone] of left) {
    await within(2_000, `showing that ${node} has left`, () => gone)
    await page.locator('#events li.node_draining', { hasText: node }).waitFor()
    await page.locator('#events li.node_gone', { hasText: node }).waitFor()
  }
  await box(page, 'app-5').waitFor({ state: 'detached' })
  assert.equal(await text(page, '#node-count'), 'three')
  assert.deepEqual(complaints, [])
})

guarantee(
  'the page shows a stopped node within two seconds, reconnects its event stream through another node, and misses no event',
  async () => {
    const { page, complaints } = await visit(browser, stack.url(), { as: 'ada' })
    const node = await feedNode(page)
    const before = [await told(page, 'node_draining', node), await told(page, 'node_gone', node)]
    const [draining, gone] = [showing(page, node, 'draining'), showing(page, node, 'gone')]
    const stopping = docker('stop', containerOf(node))
    await within(2_000, 'showing the stopping node', () => draining)
    await until('another node serves the event stream', async () =>
      (await page.locator('#feed-state.live').count()) ? (await feedNode(page)) !== node : false,
    )
    await stopping
    await within(2_000, 'showing the stopped node', () => gone)
    await until(
      'the feed shows that the node has left',
      async () => (await told(page, 'node_gone', node)) > (before[1] ?? 0),
    )
    assert.deepEqual(
      [await told(page, 'node_draining', node), await told(page, 'node_gone', node)],
      before.map((count) => count + 1),
      'the feed shows each event once, although two nodes sent events',
    )
    assert.equal(await page.locator('#events li.gap').count(), 0)
    await docker('start', containerOf(node))
    await page.locator(`.node:not(.gone)[data-node="${node}"]`).waitFor()
    // The browser does not report a stream that the node ended properly as an error.
    assert.deepEqual(complaints, [])
  },
)

guarantee(
  'the page shows a killed node within two seconds and reconnects its event stream through another node',
  async () => {
    await untilNodesAreTrusted()
    const { page } = await visit(browser, stack.url(), { as: 'ada' })
    const node = await feedNode(page)
    const before = await told(page, 'node_up', node)
    // Kills all processes of the container, so Docker restarts it. After `docker kill` it would not.
    await docker('exec', containerOf(node), 'sh', '-c', 'kill -9 -1').catch(() => {})
    // Without the time that the engine takes to run the command.
    const sinceKilled = startStopwatch()
    // Either its heartbeat is missed, or it has restarted before that.
    await until('the page shows the killed node', async () => {
      const isSuspect = (await page.locator(`.node.suspect[data-node="${node}"]`).count()) === 1
      return isSuspect || (await told(page, 'node_up', node)) > before
    })
    sinceKilled.assertWithin(2_000, 'showing the killed node')
    await page.locator('#feed-state.live').waitFor()
    const logins = await page.locator('#events li.login').count()
    await logInElsewhere(stack.url(), 'ada')
    await page.locator('#events li.login').nth(logins).waitFor()
  },
)

guarantee(
  'the page shows a node that hangs for two seconds as suspect, without an event that it left or joined',
  async () => {
    await untilNodesAreTrusted()
    const { page } = await visit(browser, stack.url(), { as: 'ada' })
    // The feed shows earlier events first. Then its counts change only by what happens now.
    await page.locator('#events li.login').first().waitFor()
    const teller = await feedNode(page)
    const toldOf = async (name: string) => [await told(page, 'node_gone', name), await told(page, 'node_up', name)]
    // A node that another test has restarted may still be announced.
    const others = ['app-1', 'app-2', 'app-3'].filter((name) => name !== teller)
    const gone = await Promise.all(others.map((name) => told(page, 'node_gone', name)))
    const node = others[gone.indexOf(Math.min(...gone))] ?? ''
    await until('the node has hung for less than four seconds', async () => {
      const before = await toldOf(node)
      const pausedAt = performance.now()
      await docker('pause', containerOf(node))
      try {
        await within(2_000, 'showing the hanging node', () =>
          page.locator(`.node.suspect[data-node="${node}"]`).waitFor(),
        )
        assert.match(await text(page, `.node[data-node="${node}"]`), /heartbeat is late$/)
      } finally {
        await docker('unpause', containerOf(node))
      }
      // After five seconds it counts as gone. On a busy machine, docker alone can take that long.
      const wasShort = performance.now() - pausedAt < 4_000
      await page.locator(`.node:not(.suspect):not(.gone)[data-node="${node}"]`).waitFor()
      if (wasShort) assert.deepEqual(await toldOf(node), before)
      return wasShort
    })
    assert.equal(await page.locator('#events li.node_suspect, #events li.node_heard').count(), 0)
  },
)

guarantee('nginx forwards events without buffering, to 500 open pages with and without a session', async () => {
  const visitor = await stack.visitor()
  const cookie = visitor.cookie() ?? ''
  const memoryOf = async (container: string) => {
    const bytes = await docker('exec', container, 'cat', '/sys/fs/cgroup/memory.current').catch(() => '')
    return Number(bytes || (await docker('exec', container, 'cat', '/sys/fs/cgroup/memory/memory.usage_in_bytes')))
  }
  const before = await memoryOf(containerOf('nginx-1'))
  // A user may have 20 streams on a node. The other streams have no session.
  const ofUser = await Promise.all(Array.from({ length: 30 }, () => listenTo(stack.url(), { cookie })))
  const anonymous = await Promise.all(Array.from({ length: 470 }, () => listenTo(stack.url())))
  const pages = [...ofUser, ...anonymous]
  const hellos = await Promise.all(pages.map((page) => page.message(({ name }) => name === 'hello')))
  assert.deepEqual([...new Set(hellos.map(({ data }) => data.node))].sort(), ['app-1', 'app-2', 'app-3'])
  const growth = (await memoryOf(containerOf('nginx-1'))) - before
  process.stdout.write(`500 open pages: ${(growth / 1e6).toFixed(1)} MB more in nginx\n`)
  assert.ok(growth < 40e6, `${growth} bytes`)
  // Longer than nginx waits for any other response.
  const openedAt = performance.now()
  await until('the stream has been idle for six seconds', () => performance.now() - openedAt > 6_000)
  const sinceLogin = startStopwatch()
  await stack.visitor()
  await Promise.all(ofUser.map((page) => page.message(telling('login', { isReplayed: false }))))
  sinceLogin.assertWithin(1_500, 'a login and its event on 30 pages')
  for (const page of pages) page.close()
})

guarantee(
  'within a second of make end-sessions, the page shows that an administrator revoked the session',
  async () => {
    const { page } = await visit(browser, stack.url(), { as: 'grace' })
    const said = await make('end-sessions', 'USER=grace')
    assert.match(said, /Ended session/)
    await within(1_000, 'showing the revocation', () =>
      alertWith(page, 'Your session was revoked by an administrator').waitFor(),
    )
    assert.equal((await page.request.get(`${stack.url()}/api/user`)).status(), 401)
  },
)

guarantee('the commands that the page offers show the session and its TTL when run in a shell', async () => {
  const { page } = await visit(browser, stack.url(), { as: 'grace' })
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
  'the experiment is off by default; when on, nodes with sessions in their own memory reject the login, and the page shows it',
  async () => {
    const { page } = await visit(browser, stack.url(), { as: 'alan' })
    const token = await tokenOf(page)
    await page.getByRole('switch').click()
    await alertWith(page, 'The control nodes are not up. Start them with: make control').waitFor()
    assert.equal(await page.getByRole('switch').getAttribute('aria-checked'), 'false')
    assert.equal((await docker('compose', 'ps', '--quiet', 'control')).trim(), '')

    assert.match(await make('control'), /turn on the switch/)
    await until('nginx knows them', async () => (await stack.stranger().ask('/control/api/cluster')).status === 200)
    await page.getByRole('switch').click()
    await page.locator('.node[data-node="control-1"]').waitFor()
    assert.equal(await page.getByRole('alert').count(), 0)
    await page.getByRole('button', { name: 'Log in as ada' }).click()
    await page.locator('#matrix td.rejected').nth(1).waitFor()
    await page.locator('#prove:enabled').waitFor()
    const createdOn = await text(page, '#created-on')
    assert.match(createdOn, /^control-\d$/)
    assert.equal(
      await page.locator('#matrix td.honoured').count(),
      1,
      'only the node that created the session accepts it',
    )
    assert.match(await text(page, `.node[data-node="${createdOn}"]`), /stores your session/)
    assert.match(await text(page, '#map-redis'), /not used/)
    await until('a node rejects the session', async () => {
      await page.getByRole('button', { name: 'Send a request' }).click()
      return (await text(page, '#sentence')).includes('2 of 3 refuse you')
    })
    assert.ok(await page.locator('#why').isVisible())
    await assertAccessible(page, 'in the experiment')

    // The real session has its own cookie and still exists.
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
    assert.doesNotMatch(await stack.redisCli('ACL', 'LOG'), /^app$/m, 'Redis denied a command of the app')
  },
)

guarantee('an open page does not delay the stop of nginx', async () => {
  const { page } = await visit(browser, stack.url())
  const stopping = () => command('docker', ['stop', containerOf('nginx-1')], stack.env)
  const { code } = await within(9_000, 'stopping nginx', stopping)
  assert.equal(code, 0)
  await page.locator('#feed-state.lost').waitFor()
  await docker('start', containerOf('nginx-1'))
  await page.locator('#feed-state.live').waitFor()
  stack.assertNoSecretIsLogged()
})
