import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { fingerprintOf } from 'app/sessions/session-token'
import type { Browser, Page } from 'playwright-core'
import {
  alertWith,
  ask,
  assertAccessibleInAllLooks,
  haveSession,
  logIn,
  logInElsewhere,
  openPage,
  text,
  tokenOf,
  visit,
} from './browser-page.ts'
import { changeRecord } from './change-record.ts'
import { leavePages, MOVING } from './page-pool.ts'
import { startStopwatch, within } from './stopwatch.ts'
import { passTo } from './tls-front.ts'
import { until } from './until.ts'

/** A stack with a page in front of three nodes, and its Redis. */
export interface PageStack {
  url: string
  /** A free port that the browser can reach, for a server of a test. Default: any. */
  frontPort?: number
  /** Runs a Redis command, to prepare a state. */
  redis(...words: string[]): Promise<string>
  /** The sealing keys of its records. Without keys, they are not sealed. */
  sealKeys?: readonly string[]
  pauseRedis(): Promise<void>
  resumeRedis(): Promise<void>
}

const NODES = ['app-1', 'app-2', 'app-3']
const cell = (page: Page, createdOn: string, servedBy: string) =>
  page
    .locator('#matrix tbody tr', { has: page.getByRole('rowheader', { name: createdOn }) })
    .locator('td')
    .nth(NODES.indexOf(servedBy))

/** The content of this browser's clipboard. The page's policy forbids reading it, so it is pasted on another page. */
async function pasted(page: Page): Promise<string> {
  const elsewhere = await page.context().newPage()
  await elsewhere.setContent('<textarea></textarea>')
  await elsewhere.locator('textarea').focus()
  await elsewhere.keyboard.press('ControlOrMeta+V')
  const copied = await elsewhere.locator('textarea').inputValue()
  await elsewhere.close()
  return copied
}

/** The guarantees of the page, on any stack with three nodes. The stack has LOGIN_FAILURES_SECONDS=4. */
export function testPage(skip: string | false, browser: () => Browser, stack: () => PageStack): void {
  const guarantee = (name: string, fn: () => Promise<void>) =>
    test(name, { skip }, async (t) => {
      t.after(() => leavePages(browser()))
      await fn()
    })

  guarantee('one click logs in, and within ten seconds the page shows that three nodes share the session', async () => {
    const { page, complaints } = await visit(browser(), stack().url, MOVING)
    const sinceClick = startStopwatch()
    await page.getByRole('button', { name: 'Log in as ada' }).click()
    await page.locator('#matrix td.honoured').nth(2).waitFor()
    sinceClick.assertWithin(10_000, 'showing that three nodes share the session')
    const createdOn = await text(page, '#created-on')
    for (const servedBy of NODES)
      assert.match((await cell(page, createdOn, servedBy).textContent()) ?? '', /^\d+honoured$/)
    assert.equal(await page.locator('.node.origin').count(), 1)
    assert.match(await text(page, '.node.origin'), new RegExp(`^${createdOn}.*created your session$`))
    assert.match(await text(page, '#sentence'), new RegExp(`${createdOn} created your session`))
    assert.deepEqual(complaints, [])
  })

  guarantee('the page shows and counts each request at the node that served it', async () => {
    const { page, complaints } = await visit(browser(), stack().url, MOVING)
    // All responses that this page has received, also to its own requests.
    const answers: string[] = []
    page.on('framenavigated', () => answers.splice(0))
    page.on('response', async (response) => {
      if (response.request().resourceType() === 'fetch') answers.push((await response.headerValue('x-served-by')) ?? '')
    })
    // The page's own request, a second after it has seen the session. It must not come between a request and its mark.
    const basket = page.waitForResponse((response) => response.url().endsWith('/api/session/data'))
    await haveSession(page)
    await page.locator('#session-list .current').waitFor()
    await basket
    const shown = (node: string) =>
      text(page, `.node[data-node="${node}"] .served`).then((words) => Number.parseInt(words, 10))
    const isCounted = async () => {
      for (const node of NODES)
        if ((await shown(node)) !== answers.filter((servedBy) => servedBy === node).length) return false
      return true
    }
    const seen = new Set<string>()
    for (let asked = 0; seen.size < 3 && asked < 30; asked++) {
      const travelling = page.locator('.dot').first().waitFor({ state: 'attached' })
      const servedBy = await ask(page)
      await travelling
      assert.equal(await page.locator('.node.answered').getAttribute('data-node'), servedBy)
      await until('every response is counted at its node', isCounted)
      seen.add(servedBy)
    }
    assert.deepEqual([...seen].sort(), NODES)
    assert.ok(answers.length > 3 && answers.every((servedBy) => NODES.includes(servedBy)))
    await page.locator('.dot').first().waitFor({ state: 'detached' })
    assert.deepEqual(complaints, [])
  })

  guarantee(
    '"Check every node" fills the row of a session, and "Log in on every node" all nine cells, without a rejected one',
    async () => {
      const { page, complaints } = await visit(browser(), stack().url)
      await logIn(page, 'grace')
      const createdOn = await text(page, '#created-on')
      const counts = () =>
        Promise.all(
          NODES.map(async (node) => Number.parseInt((await cell(page, createdOn, node).textContent()) ?? '', 10)),
        )
      const before = await counts()
      await page.getByRole('button', { name: 'Check every node' }).click()
      await page.locator('#prove:enabled').waitFor()
      for (const [place, count] of (await counts()).entries()) assert.ok(count >= (before[place] ?? 0) + 3)
      await page.getByRole('button', { name: 'Log in on every node' }).click()
      await page.locator('#prove-all:enabled').waitFor()
      assert.equal(await page.locator('#matrix td.honoured').count(), 9)
      assert.equal(await page.locator('#matrix td.rejected').count(), 0)
      assert.deepEqual(complaints, [])
    },
  )

  guarantee('a live session that a node rejects makes a red cell', async () => {
    const { page } = await visit(browser(), stack().url, { as: 'ada' })
    const createdOn = await text(page, '#created-on')
    await stack().redis('DEL', `session:${await tokenOf(page)}`)
    const answered = page.waitForResponse((response) => response.url().endsWith('/api/user'))
    await page.getByRole('button', { name: 'Send a request' }).click()
    const servedBy = (await (await answered).headerValue('x-served-by')) ?? ''
    await alertWith(page, 'Your session no longer exists, and the server does not know why').waitFor()
    assert.match((await cell(page, createdOn, servedBy).textContent()) ?? '', /1rejected$/)
    assert.match((await cell(page, createdOn, servedBy).getAttribute('class')) ?? '', /rejected/)
    assert.ok(await page.getByRole('heading', { name: 'Log in' }).isVisible())
  })

  guarantee(
    'the page shows the session as stored in Redis: origin, masked token, countdowns, and commands to inspect it',
    async () => {
      const { page } = await visit(browser(), stack().url, { as: 'ada' })
      const token = await tokenOf(page)
      assert.equal(await text(page, '#token'), `${token.slice(0, 6)}••••••`)
      assert.ok(!(await page.content()).includes(token), 'the page contains the token')
      const record = JSON.parse(await stack().redis('GET', `session:${token}`))
      assert.equal(await text(page, '#created-on'), record.createdOn)
      assert.equal(await text(page, '#session-id'), fingerprintOf(token))
      const secondsIn = (time: string) => time.split(':').reduce((sum, part) => 60 * sum + Number(part), 0)
      // Redis is read before the page, so time passes in between. The page may not know the last renewal and then shows less.
      const ttl = Number(await stack().redis('TTL', `session:${token}`))
      const shown = secondsIn(await text(page, '#idle'))
      assert.ok(shown <= ttl + 1 && shown > ttl - 10, `${shown} shown, ${ttl} left`)
      await until('the countdown decreases', async () => secondsIn(await text(page, '#idle')) < shown)
      assert.ok(Math.abs(secondsIn(await text(page, '#absolute')) - 43_200) < 30)
      for (const command of ['GET', 'TTL']) {
        assert.equal(
          await text(page, `#command-${command}`),
          `deploy/redis-cli ${command} "$(deploy/redis-cli --scan --pattern 'session:${token.slice(0, 6)}*')"`,
        )
      }
      await page.context().grantPermissions(['clipboard-write'])
      await page.getByRole('button', { name: 'Copy the TTL command' }).click()
      await page.getByRole('button', { name: 'Copy the TTL command' }).filter({ hasText: 'Copied' }).waitFor()
      assert.equal(await pasted(page), await text(page, '#command-TTL'))
    },
  )

  guarantee(
    'the page shows a replaced token immediately, with the time, and every page of the user lists it in its feed',
    async () => {
      const { page } = await visit(browser(), stack().url, { as: 'grace' })
      const other = await openPage(page.context(), stack().url)
      const old = await tokenOf(page)
      assert.equal(await text(page, '#rotated-at'), 'not yet')
      await makeOlder(stack(), old, 1_200)
      const askAgain = async () => {
        await ask(page)
        return (await tokenOf(page)) !== old
      }
      await until('the token is replaced', askAgain, 30_000)
      for (const window of [page, other.page]) {
        await window.locator('#events li.rotated', { hasText: 'This session got a new token' }).first().waitFor()
        const masked = `${(await tokenOf(page)).slice(0, 6)}••••••`
        await window.locator('#token', { hasText: masked }).waitFor()
        assert.notEqual(await text(window, '#rotated-at'), 'not yet')
      }
      assert.equal(await page.locator('#events li.rotated').count(), 1, 'the feed shows a rotation once')
    },
  )

  guarantee(
    'the page lists other sessions without a reload; one click revokes one, and its page shows it within a second',
    async () => {
      const [first, second] = [await visit(browser(), stack().url), await visit(browser(), stack().url)]
      await logIn(first.page, 'grace')
      await logIn(second.page, 'grace')
      const items = first.page.locator('#session-list li')
      await items.filter({ hasText: 'Chrome on Linux' }).nth(1).waitFor()
      const secondId = await text(second.page, '#session-id')
      assert.match(
        (await items.filter({ hasText: 'this session' }).textContent()) ?? '',
        // The page does not show an address that many clients share.
        /(\d+\.\d+\.\d+\.\d+|address unknown), created on app-\d at .*last seen /,
      )
      // The newest session, that of the second browser, is first.
      const sinceRevoked = startStopwatch()
      await items
        .first()
        .getByRole('button', { name: /^Revoke the session of Chrome on Linux/ })
        .click()
      await alertWith(second.page, 'Your session was revoked from another one of yours').waitFor()
      sinceRevoked.assertWithin(1_000, 'showing the revocation')
      assert.ok(await second.page.getByRole('heading', { name: 'Log in' }).isVisible())
      assert.equal(
        await second.page.locator('#session-list li').count(),
        0,
        'the page shows nothing of the ended session',
      )
      assert.ok(!(await second.page.content()).includes(secondId))

      await logIn(second.page, 'grace')
      await first.page.getByRole('button', { name: 'Revoke all others' }).click()
      await alertWith(second.page, 'Your session was revoked from another one of yours').waitFor()
      await items.nth(1).waitFor({ state: 'detached' })
      assert.ok(await first.page.getByRole('button', { name: 'Revoke all others' }).isHidden())
      assert.deepEqual([...first.complaints, ...second.complaints], [])
    },
  )

  guarantee(
    '7.5.2: without a recent login, the page requests the password before it ends another session',
    async () => {
      const other = await visit(browser(), stack().url, { as: 'alan' })
      const own = await visit(browser(), stack().url, { as: 'alan' })
      const { page } = own
      await makeOlder(stack(), await tokenOf(page), 660)
      await page.getByRole('button', { name: 'Revoke all others' }).click()
      const password = page.getByLabel('Enter your password again')
      await password.fill('wrong')
      await page.getByRole('button', { name: 'Confirm' }).click()
      await alertWith(page, 'Incorrect user name or password').waitFor()
      await password.fill('universal-machine')
      await page.getByRole('button', { name: 'Confirm' }).click()
      await alertWith(other.page, 'Your session was revoked from another one of yours').waitFor()
      await page.locator('#session-list li').nth(1).waitFor({ state: 'detached' })
      await page.getByRole('heading', { name: 'You are Alan Turing' }).waitFor()
      assert.equal(await page.getByRole('alert').count(), 0)
    },
  )

  guarantee('a logout or a login as another user shows in the other window within a second', async () => {
    const { page } = await visit(browser(), stack().url, { as: 'ada' })
    const other = await openPage(page.context(), stack().url)
    await other.page.getByRole('heading', { name: 'You are Ada Lovelace' }).waitFor()
    const leaving = page.waitForResponse((response) => response.url().endsWith('/auth/logout'))
    await page.getByRole('button', { name: 'Log out' }).click()
    await leaving
    await within(1_000, 'showing the logout', () => alertWith(other.page, 'You logged out in another window').waitFor())
    assert.equal(await page.getByRole('alert').count(), 0, 'the window of the logout shows no alert')

    await haveSession(page)
    await other.page.reload()
    await other.page.getByRole('heading', { name: 'You are Ada Lovelace' }).waitFor()
    const response = await page.request.post(`${stack().url}/auth/login`, {
      data: { username: 'grace', password: 'nanosecond' },
    })
    assert.equal(response.status(), 200)
    for (const window of [page, other.page]) {
      await window.getByRole('heading', { name: 'You are Grace Hopper' }).waitFor()
      await window.locator('#events li').first().waitFor()
    }
    assert.match(await text(page, '#map-user'), /grace/)
    // A new login of the same user creates another session and shows no alert about the end of the old one.
    const before = await text(page, '#session-id')
    await page.request.post(`${stack().url}/auth/login`, { data: { username: 'grace', password: 'nanosecond' } })
    for (const window of [page, other.page]) {
      await until('the new session is shown', async () => ![before, ''].includes(await text(window, '#session-id')))
      assert.equal(await window.getByRole('alert').count(), 0)
      assert.equal(await window.locator('#matrix td.rejected').count(), 0)
    }
    assert.equal(await text(page, '#session-id'), await text(other.page, '#session-id'))
  })

  guarantee('a user sees only its own session events, and those of the nodes', async () => {
    const ada = await visit(browser(), stack().url, { as: 'ada' })
    const grace = await visit(browser(), stack().url, { as: 'grace' })
    const adasEvents = await ada.page.locator('#events .of-session').count()
    const third = await visit(browser(), stack().url, { as: 'grace' })
    const logouts = grace.page.locator('#events li.logout', { hasText: 'Another session was logged out' })
    const before = await logouts.count()
    await third.page.getByRole('button', { name: 'Log out' }).click()
    await logouts.nth(before).waitFor()
    // This event comes later, so a page that receives the earlier one has received it by now.
    await ask(ada.page)
    assert.equal(await ada.page.locator('#events .of-session').count(), adasEvents)
    assert.equal(
      await third.page.locator('#events .of-session').count(),
      0,
      'the feed shows no session event after the logout',
    )
  })

  guarantee('an event stream that opened without the session opens again with it', async () => {
    // As if the browser reconnected while a login replaces its cookie: it requests one stream without the cookie.
    let isWithoutCookie = false
    const pass = passTo(stack().url)
    const front = createServer((req, res) => {
      if (isWithoutCookie && req.url?.startsWith('/api/events')) {
        isWithoutCookie = false
        delete req.headers.cookie
      }
      pass(req, res)
    })
    await new Promise<void>((resolve) => front.listen(stack().frontPort ?? 0, '127.0.0.1', resolve))
    try {
      const { page } = await visit(browser(), `http://localhost:${(front.address() as AddressInfo).port}`, {
        as: 'grace',
      })
      isWithoutCookie = true
      await page.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`)
      await until('the stream was requested', () => !isWithoutCookie)
      const before = await page.locator('#events li.login').count()
      await until('the page shows a login of another browser', async () => {
        await logInElsewhere(stack().url, 'grace')
        return (await page.locator('#events li.login').count()) > before
      })
    } finally {
      front.closeAllConnections()
      front.close()
    }
  })

  guarantee(
    'a hidden page holds no event stream, and shows the events that it missed when it is visible again',
    async () => {
      const { page, complaints } = await visit(browser(), stack().url, { as: 'ada' })
      const sources: string[] = []
      page.on('request', (request) => request.url().includes('/api/events') && sources.push(request.url()))
      const show = (isHidden: boolean) =>
        page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))`)
      const before = await page.locator('#events li.login').count()
      await show(true)
      await logInElsewhere(stack().url, 'ada')
      assert.equal(await page.locator('#events li.login').count(), before)
      await show(false)
      await page.locator('#events li.login').nth(before).waitFor()
      assert.equal(await page.locator('#events li.login').count(), before + 1)
      assert.match(sources.join(), /^[^,]*\/api\/events\?after=\d+-\d+$/)

      // Meanwhile this browser logs in again in another window. The page shows the new session.
      const id = await text(page, '#session-id')
      await show(true)
      await page.request.post(`${stack().url}/auth/login`, { data: { username: 'ada', password: 'analytical-engine' } })
      await show(false)
      await until('the new session is shown', async () => ![id, ''].includes(await text(page, '#session-id')))
      assert.deepEqual(complaints, [])
    },
  )

  guarantee(
    'while Redis is down, the page shows it within two seconds, keeps the session, and recovers by itself',
    async () => {
      const { page } = await visit(browser(), stack().url, { as: 'ada' })
      const id = await text(page, '#session-id')
      const sincePaused = startStopwatch()
      await stack().pauseRedis()
      try {
        await page.locator('#map-redis.away').waitFor()
        sincePaused.assertWithin(2_000, 'showing that Redis is down')
        await alertWith(page, 'You are still logged in').waitFor()
        await page.locator('#feed-state.behind', { hasText: 'is disconnected from Redis' }).waitFor()
        assert.ok(await page.locator('#session').isVisible())
        // A page opened now shows the same and is not blank.
        const late = await (await browser().newContext()).newPage()
        await late.goto(stack().url)
        await alertWith(late, 'Redis is not responding').waitFor()
        await late.context().close()
      } finally {
        await stack().resumeRedis()
      }
      await page.getByRole('alert').waitFor({ state: 'hidden' })
      await page.locator('#map-redis.ok').waitFor()
      await page.locator('#feed-state.live').waitFor()
      await page.locator('#events li.redis_back').first().waitFor()
      assert.equal(await text(page, '#session-id'), id)
      await ask(page)
    },
  )

  guarantee(
    'the page reports a wrong password; after too many it counts down until the next attempt is allowed',
    async () => {
      const { page } = await visit(browser(), stack().url)
      await page.getByLabel('User name').fill('alan')
      await page.getByLabel('Password', { exact: true }).fill('wrong')
      for (let guess = 0; guess < 5; guess++) {
        const answered = page.waitForResponse((response) => response.url().endsWith('/auth/login'))
        await page.getByRole('button', { name: 'Log in', exact: true }).click()
        await answered
        await alertWith(page, 'Incorrect user name or password').waitFor()
      }
      await page.getByRole('button', { name: 'Log in', exact: true }).click()
      await alertWith(page, /Too many failed logins\. Try again in 0:0[1-4]\./).waitFor()
      const left = async () => Number(/0:0(\d)/.exec(await text(page, '#login-note'))?.[1])
      const before = await left()
      assert.ok(await page.getByRole('button', { name: 'Log in as alan' }).isDisabled())
      await until('the countdown decreases', async () => (await left()) < before)
      assert.ok(await page.getByRole('button', { name: 'Log in as ada' }).isEnabled(), 'other users may log in')
      // Independent of other alerts of the page.
      await page.getByRole('switch').click()
      await alertWith(page, 'make control').waitFor()
      await page.locator('#demo-accounts fieldset:enabled', { hasText: 'alan' }).waitFor()
      await logIn(page, 'alan')
    },
  )

  guarantee('a reload keeps the session, a logout ends it, and the browser reports no error', async () => {
    const { page, complaints } = await visit(browser(), stack().url, { as: 'ada' })
    await page.reload()
    await page.getByRole('heading', { name: 'You are Ada Lovelace' }).waitFor()
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
    assert.equal(await text(page, '#map-user'), 'not logged in')
    await page.reload()
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
    await page.locator('#feed-state.live').waitFor()
    assert.deepEqual(complaints, [])
  })

  guarantee('the page requests a file again that failed to load, and then works', async () => {
    const page = await (await browser().newContext()).newPage()
    let refusals = 0
    await page.route('**/map.js', (route) => (refusals++ === 0 ? route.abort() : route.continue()))
    await page.goto(stack().url)
    await page.locator('#feed-state.live').waitFor()
    assert.equal(refusals, 2)
    // A request that changes nothing is retried too.
    let drops = 0
    await page.route('**/api/user', (route) => (drops++ === 0 ? route.abort() : route.continue()))
    await haveSession(page)
    assert.equal(drops, 2)
    assert.equal(await page.getByRole('alert').count(), 0)
  })

  guarantee('the page works with the keyboard alone', async () => {
    const { page } = await visit(browser(), stack().url)
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate('document.activeElement.id'), 'experiment')
    const isAtUserName = () => page.evaluate("document.activeElement.name === 'username'")
    for (let tabs = 0; tabs < 12 && !(await isAtUserName()); tabs++) await page.keyboard.press('Tab')
    await page.keyboard.type('alan')
    await page.keyboard.press('Tab')
    await page.keyboard.type('universal-machine')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'You are Alan Turing' }).waitFor()
    assert.equal(await page.evaluate('document.activeElement.id'), 'ask')
    await page.locator('#prove:enabled').waitFor()
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate('document.activeElement.id'), 'prove')
    await page.keyboard.press('Enter')
    await page.locator('#prove:disabled').waitFor()
    await page.locator('#prove:enabled').waitFor()
    assert.equal(await page.evaluate('document.activeElement.id'), 'prove')
  })

  guarantee(
    'axe-core finds no violation, light and dark, on a wide screen and a phone, logged in and out, and with an alert',
    async () => {
      const { page } = await visit(browser(), stack().url)
      await assertAccessibleInAllLooks(page, 'logged out')
      await logIn(page)
      await assertAccessibleInAllLooks(page, 'logged in')
      for (const width of [1280, 390]) {
        await page.setViewportSize({ width, height: 844 })
        const widest = Number(await page.evaluate('document.documentElement.scrollWidth'))
        assert.ok(widest <= width, `${widest} wide on ${width}`)
      }
      await stack().redis('DEL', `session:${await tokenOf(page)}`)
      await page.getByRole('button', { name: 'Send a request' }).click()
      await page.getByRole('alert').waitFor()
      await assertAccessibleInAllLooks(page, 'with an alert')
    },
  )
}

/** Makes a session look this much older. */
async function makeOlder({ redis, sealKeys = [] }: PageStack, token: string, seconds: number): Promise<void> {
  const json = await redis('GET', `session:${token}`)
  const older = changeRecord({ name: token, json, sealKeys }, ({ createdAt }) => ({
    createdAt: new Date(Date.parse(createdAt) - seconds * 1000).toISOString(),
  }))
  await redis('SET', `session:${token}`, older, 'KEEPTTL')
}
