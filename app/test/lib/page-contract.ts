import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { fingerprintOf } from '../../src/sessions/session-token.ts'
import { alertWith, ask, assertAccessible, haveSession, logIn, openPage, text, tokenOf, visit } from './browser-page.ts'
import { changeRecord } from './change-record.ts'
import { until } from './until.ts'

/** A stack with a page in front of three nodes, and its Redis. */
export interface PageStack {
  url: string
  /** Runs a Redis command, for what the test wants to be so. */
  redis(...words: string[]): Promise<string>
  /** What its records are sealed with. Not given: they are not. */
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

/** What is on the clipboard of this browser. The page's own policy lets no script read it, so it is pasted elsewhere. */
async function pasted(page: Page): Promise<string> {
  const elsewhere = await page.context().newPage()
  await elsewhere.setContent('<textarea></textarea>')
  await elsewhere.locator('textarea').focus()
  await elsewhere.keyboard.press('ControlOrMeta+V')
  const copied = await elsewhere.locator('textarea').inputValue()
  await elsewhere.close()
  return copied
}

/** What the page promises, whatever the three nodes run on. The stack has LOGIN_FAILURES_SECONDS=4. */
export function testPage(skip: string | false, browser: () => Browser, stack: () => PageStack): void {
  const guarantee = (name: string, fn: () => Promise<void>) =>
    test(name, { skip }, async (t) => {
      t.after(() =>
        Promise.all(
          browser()
            .contexts()
            .map((context) => context.close()),
        ),
      )
      await fn()
    })

  guarantee(
    'one click logs in, and within ten seconds the page has shown by itself that three nodes share the session',
    async () => {
      const { page, complaints } = await visit(browser(), stack().url)
      const startedAt = performance.now()
      await page.getByRole('button', { name: 'Log in as ada' }).click()
      await page.locator('#matrix td.honoured').nth(2).waitFor()
      assert.ok(performance.now() - startedAt < 10_000)
      const createdOn = await text(page, '#created-on')
      for (const servedBy of NODES)
        assert.match((await cell(page, createdOn, servedBy).textContent()) ?? '', /^\d+honoured$/)
      assert.equal(await page.locator('.node.origin').count(), 1)
      assert.match(await text(page, '.node.origin'), new RegExp(`^${createdOn}.*created your session$`))
      assert.match(await text(page, '#sentence'), new RegExp(`${createdOn} created your session`))
      assert.deepEqual(complaints, [])
    },
  )

  guarantee('each request travels to the node that really served it, and is counted there', async () => {
    const { page, complaints } = await visit(browser(), stack().url)
    // Every answer that this page has got, also to what it asks by itself.
    const answers: string[] = []
    page.on('framenavigated', () => answers.splice(0))
    page.on('response', async (response) => {
      if (response.request().resourceType() === 'fetch') answers.push((await response.headerValue('x-served-by')) ?? '')
    })
    await haveSession(page)
    await page.locator('#session-list .current').waitFor()
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
      await until('every answer is counted at the node that gave it', isCounted)
      seen.add(servedBy)
    }
    assert.deepEqual([...seen].sort(), NODES)
    assert.ok(answers.length > 3 && answers.every((servedBy) => NODES.includes(servedBy)))
    await page.locator('.dot').first().waitFor({ state: 'detached' })
    assert.deepEqual(complaints, [])
  })

  guarantee('"Prove it" fills the row, and "Log in again" all nine cells: every one honoured', async () => {
    const { page, complaints } = await visit(browser(), stack().url)
    await logIn(page, 'grace')
    const createdOn = await text(page, '#created-on')
    const counts = () =>
      Promise.all(
        NODES.map(async (node) => Number.parseInt((await cell(page, createdOn, node).textContent()) ?? '', 10)),
      )
    const before = await counts()
    await page.getByRole('button', { name: 'Prove it' }).click()
    await page.locator('#prove:enabled').waitFor()
    for (const [place, count] of (await counts()).entries()) assert.ok(count >= (before[place] ?? 0) + 3)
    await page.getByRole('button', { name: 'Log in again until every node has created one' }).click()
    await page.locator('#prove-all:enabled').waitFor()
    assert.equal(await page.locator('#matrix td.honoured').count(), 9)
    assert.equal(await page.locator('#matrix td.refused').count(), 0)
    assert.deepEqual(complaints, [])
  })

  guarantee('a session that nobody has ended and that is refused all the same makes a red cell', async () => {
    const { page } = await visit(browser(), stack().url)
    await haveSession(page)
    const createdOn = await text(page, '#created-on')
    await stack().redis('DEL', `session:${await tokenOf(page)}`)
    const answered = page.waitForResponse((response) => response.url().endsWith('/api/user'))
    await page.getByRole('button', { name: 'Ask: who am I?' }).click()
    const servedBy = (await (await answered).headerValue('x-served-by')) ?? ''
    await alertWith(page, 'Your session has ended, and the server does not know why').waitFor()
    assert.match((await cell(page, createdOn, servedBy).textContent()) ?? '', /1refused$/)
    assert.match((await cell(page, createdOn, servedBy).getAttribute('class')) ?? '', /refused/)
    assert.ok(await page.getByRole('heading', { name: 'Log in' }).isVisible())
  })

  guarantee(
    'the session is shown as Redis has it: origin, masked token, countdowns, and commands to look by hand',
    async () => {
      const { page } = await visit(browser(), stack().url)
      await haveSession(page)
      const token = await tokenOf(page)
      assert.equal(await text(page, '#token'), `${token.slice(0, 6)}••••••`)
      assert.ok(!(await page.content()).includes(token), 'the token is not in the page')
      const record = JSON.parse(await stack().redis('GET', `session:${token}`))
      assert.equal(await text(page, '#created-on'), record.createdOn)
      assert.equal(await text(page, '#session-id'), fingerprintOf(token))
      const secondsIn = (time: string) => time.split(':').reduce((sum, part) => 60 * sum + Number(part), 0)
      // First Redis and then the page: time goes by in between. It may not know of the last renewal, and then shows less.
      const ttl = Number(await stack().redis('TTL', `session:${token}`))
      const shown = secondsIn(await text(page, '#idle'))
      assert.ok(shown <= ttl + 1 && shown > ttl - 10, `${shown} shown, ${ttl} left`)
      await until('it counts down', async () => secondsIn(await text(page, '#idle')) < shown)
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
    'a token that is replaced is shown at once, with the time, and in the feed of every page of the user',
    async () => {
      const { page } = await visit(browser(), stack().url)
      await haveSession(page, 'grace')
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
      assert.equal(await page.locator('#events li.rotated').count(), 1, 'one rotation, told once')
    },
  )

  guarantee(
    'where else one is logged in is there without a reload, and ends with a click: on the other screen within a second',
    async () => {
      const [first, second] = [await visit(browser(), stack().url), await visit(browser(), stack().url)]
      await logIn(first.page, 'grace')
      await logIn(second.page, 'grace')
      const items = first.page.locator('#session-list li')
      await items.filter({ hasText: 'Chrome on Linux' }).nth(1).waitFor()
      const secondId = await text(second.page, '#session-id')
      assert.match(
        (await items.filter({ hasText: 'this one' }).textContent()) ?? '',
        // Where many clients share one address, it is not shown.
        /(\d+\.\d+\.\d+\.\d+|address unknown), created on app-\d at .*last seen /,
      )
      // The newest first: that of the second browser.
      const endedAt = performance.now()
      await items
        .first()
        .getByRole('button', { name: /^End the session of Chrome on Linux/ })
        .click()
      await alertWith(second.page, 'Your session was ended from another one of yours').waitFor()
      assert.ok(performance.now() - endedAt < 1_000, `after ${performance.now() - endedAt} ms`)
      assert.ok(await second.page.getByRole('heading', { name: 'Log in' }).isVisible())
      assert.equal(
        await second.page.locator('#session-list li').count(),
        0,
        'nothing of the session is left on the page',
      )
      assert.ok(!(await second.page.content()).includes(secondId))

      await logIn(second.page, 'grace')
      await first.page.getByRole('button', { name: 'End all others' }).click()
      await alertWith(second.page, 'Your session was ended from another one of yours').waitFor()
      await items.nth(1).waitFor({ state: 'detached' })
      assert.ok(await first.page.getByRole('button', { name: 'End all others' }).isHidden())
      assert.deepEqual([...first.complaints, ...second.complaints], [])
    },
  )

  guarantee(
    '7.5.2: with a login that is long ago, the page asks for the password before it ends another session',
    async () => {
      const [other, own] = [await visit(browser(), stack().url), await visit(browser(), stack().url)]
      await haveSession(other.page, 'alan')
      await haveSession(own.page, 'alan')
      const { page } = own
      await makeOlder(stack(), await tokenOf(page), 660)
      await page.getByRole('button', { name: 'End all others' }).click()
      const password = page.getByLabel('Your password again')
      await password.fill('wrong')
      await page.getByRole('button', { name: 'Confirm' }).click()
      await alertWith(page, 'Wrong user name or password').waitFor()
      await password.fill('universal-machine')
      await page.getByRole('button', { name: 'Confirm' }).click()
      await alertWith(other.page, 'Your session was ended from another one of yours').waitFor()
      await page.locator('#session-list li').nth(1).waitFor({ state: 'detached' })
      await page.getByRole('heading', { name: 'You are Alan Turing' }).waitFor()
      assert.equal(await page.getByRole('alert').count(), 0)
    },
  )

  guarantee('logging out, or in as somebody else, in one window shows in the other within a second', async () => {
    const { page } = await visit(browser(), stack().url)
    await haveSession(page)
    const other = await openPage(page.context(), stack().url)
    await other.page.getByRole('heading', { name: 'You are Ada Lovelace' }).waitFor()
    const leaving = page.waitForResponse((response) => response.url().endsWith('/auth/logout'))
    await page.getByRole('button', { name: 'Log out' }).click()
    await leaving
    const leftAt = performance.now()
    await alertWith(other.page, 'You logged out in another window').waitFor()
    assert.ok(performance.now() - leftAt < 1_000, `after ${performance.now() - leftAt} ms`)
    assert.equal(await page.getByRole('alert').count(), 0, 'who has pressed the button needs no telling')

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
    // As the same user again: another session, and nobody is told that theirs has ended.
    const before = await text(page, '#session-id')
    await page.request.post(`${stack().url}/auth/login`, { data: { username: 'grace', password: 'nanosecond' } })
    for (const window of [page, other.page]) {
      await until('the new session is shown', async () => ![before, ''].includes(await text(window, '#session-id')))
      assert.equal(await window.getByRole('alert').count(), 0)
      assert.equal(await window.locator('#matrix td.refused').count(), 0)
    }
    assert.equal(await text(page, '#session-id'), await text(other.page, '#session-id'))
  })

  guarantee('a user sees only its own session events, and those of the nodes', async () => {
    const [ada, grace] = [await visit(browser(), stack().url), await visit(browser(), stack().url)]
    await haveSession(ada.page, 'ada')
    await haveSession(grace.page, 'grace')
    const adasEvents = await ada.page.locator('#events .of-session').count()
    const third = await visit(browser(), stack().url)
    await haveSession(third.page, 'grace')
    const logouts = grace.page.locator('#events li.logout', { hasText: 'Another session was logged out' })
    const before = await logouts.count()
    await third.page.getByRole('button', { name: 'Log out' }).click()
    await logouts.nth(before).waitFor()
    // Told after it, so whoever would have been told of it has been by now.
    await ask(ada.page)
    assert.equal(await ada.page.locator('#events .of-session').count(), adasEvents)
    assert.equal(await third.page.locator('#events .of-session').count(), 0, 'and nothing of it stays after the logout')
  })

  guarantee(
    'a page that nobody sees holds no connection; when it is looked at again, it is told what it missed',
    async () => {
      const { page, complaints } = await visit(browser(), stack().url)
      await haveSession(page)
      const sources: string[] = []
      page.on('request', (request) => request.url().includes('/api/events') && sources.push(request.url()))
      const show = (isHidden: boolean) =>
        page.evaluate(`Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true })
        document.dispatchEvent(new Event('visibilitychange'))`)
      const before = await page.locator('#events li.login').count()
      await show(true)
      await haveSession((await visit(browser(), stack().url)).page)
      assert.equal(await page.locator('#events li.login').count(), before)
      await show(false)
      await page.locator('#events li.login').nth(before).waitFor()
      assert.equal(await page.locator('#events li.login').count(), before + 1)
      assert.match(sources.join(), /^[^,]*\/api\/events\?after=\d+-\d+$/)

      // Meanwhile this browser logs in anew, elsewhere: it is that session that is shown.
      const id = await text(page, '#session-id')
      await show(true)
      await page.request.post(`${stack().url}/auth/login`, { data: { username: 'ada', password: 'analytical-engine' } })
      await show(false)
      await until('the new session is shown', async () => ![id, ''].includes(await text(page, '#session-id')))
      assert.deepEqual(complaints, [])
    },
  )

  guarantee('while Redis is away the page stays, says so within two seconds, and goes on by itself', async () => {
    const { page } = await visit(browser(), stack().url)
    await haveSession(page)
    const id = await text(page, '#session-id')
    const pausedAt = performance.now()
    await stack().pauseRedis()
    try {
      await page.locator('#map-redis.away').waitFor()
      assert.ok(performance.now() - pausedAt < 2_000, `after ${performance.now() - pausedAt} ms`)
      await alertWith(page, 'You are still logged in').waitFor()
      await page.locator('#feed-state.behind', { hasText: 'has lost Redis' }).waitFor()
      assert.ok(await page.locator('#session').isVisible())
      // Who comes now is told the same, and not shown a blank page.
      const late = await (await browser().newContext()).newPage()
      await late.goto(stack().url)
      await alertWith(late, 'Redis does not answer').waitFor()
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
  })

  guarantee('a wrong password is said in words; too many count down, and then one may try again', async () => {
    const { page } = await visit(browser(), stack().url)
    await page.getByLabel('User name').fill('alan')
    await page.getByLabel('Password', { exact: true }).fill('wrong')
    for (let guess = 0; guess < 5; guess++) {
      const answered = page.waitForResponse((response) => response.url().endsWith('/auth/login'))
      await page.getByRole('button', { name: 'Log in', exact: true }).click()
      await answered
      await alertWith(page, 'Wrong user name or password').waitFor()
    }
    await page.getByRole('button', { name: 'Log in', exact: true }).click()
    await alertWith(page, /Too many failed logins\. You can try again in 0:0[1-4]\./).waitFor()
    const left = async () => Number(/0:0(\d)/.exec(await text(page, '#notice'))?.[1])
    const before = await left()
    assert.ok(await page.getByRole('button', { name: 'Log in as alan' }).isDisabled())
    await until('it counts down', async () => (await left()) < before)
    assert.ok(await page.getByRole('button', { name: 'Log in as ada' }).isEnabled(), 'others may log in')
    // Whatever else the page has to say meanwhile.
    await page.getByRole('switch').click()
    await alertWith(page, 'make control').waitFor()
    await page.locator('#demo-accounts fieldset:enabled', { hasText: 'alan' }).waitFor()
    await logIn(page, 'alan')
  })

  guarantee('a reload keeps the session, logging out ends it, and neither makes the browser complain', async () => {
    const { page, complaints } = await visit(browser(), stack().url)
    await haveSession(page)
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

  guarantee('a file of the page that does not arrive is asked for again, and the page comes to life', async () => {
    const page = await (await browser().newContext()).newPage()
    let refusals = 0
    await page.route('**/map.js', (route) => (refusals++ === 0 ? route.abort() : route.continue()))
    await page.goto(stack().url)
    await page.locator('#feed-state.live').waitFor()
    assert.equal(refusals, 2)
    // So does a question that changes nothing.
    let drops = 0
    await page.route('**/api/user', (route) => (drops++ === 0 ? route.abort() : route.continue()))
    await haveSession(page)
    assert.equal(drops, 2)
    assert.equal(await page.getByRole('alert').count(), 0)
  })

  guarantee('it works by keyboard alone', async () => {
    const { page } = await visit(browser(), stack().url)
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate('document.activeElement.id'), 'experiment')
    for (let tabs = 0; tabs < 4; tabs++) await page.keyboard.press('Tab')
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

  for (const colorScheme of ['light', 'dark'] as const) {
    guarantee(
      `axe-core finds nothing to object to, ${colorScheme}, wide and on a phone, logged in and out, and when something is wrong`,
      async () => {
        for (const width of [1280, 390]) {
          // Without motion: a colour on its way from one to another is no colour that one would read.
          const options = { colorScheme, viewport: { width, height: 844 }, reducedMotion: 'reduce' } as const
          const { page } = await visit(browser(), stack().url, options)
          await assertAccessible(page, `logged out, ${width}`)
          await logIn(page)
          await assertAccessible(page, `logged in, ${width}`)
          const widest = Number(await page.evaluate('document.documentElement.scrollWidth'))
          assert.ok(widest <= width, `${widest} wide on ${width}`)
          await stack().redis('DEL', `session:${await tokenOf(page)}`)
          await page.getByRole('button', { name: 'Ask: who am I?' }).click()
          await page.getByRole('alert').waitFor()
          await assertAccessible(page, `with an alert, ${width}`)
          await page.context().close()
        }
      },
    )
  }
}

/** Lets a session look as if it was begun so much earlier. */
async function makeOlder({ redis, sealKeys = [] }: PageStack, token: string, seconds: number): Promise<void> {
  const json = await redis('GET', `session:${token}`)
  const older = changeRecord({ name: token, json, sealKeys }, ({ createdAt }) => ({
    createdAt: new Date(Date.parse(createdAt) - seconds * 1000).toISOString(),
  }))
  await redis('SET', `session:${token}`, older, 'KEEPTTL')
}
