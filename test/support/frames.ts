// Counts the frames of a page, and has a control for them: a page of known work.
import type { Browser, CDPSession, Page } from 'playwright-core'
import { haveSession } from './browser-page.ts'

export interface Frames {
  perSecond: number
  /** Script, style and layout. */
  busyMsPerSecond: number
  requestsPerSecond: number
}

/** Counts frames for this time, while `work`, a script, runs on the page. */
export async function countFrames(page: Page, work: string, ms: number): Promise<Frames> {
  const client = await page.context().newCDPSession(page)
  await client.send('Performance.enable')
  const before = await busySeconds(client)
  const counted = await page.evaluate(`new Promise((resolve) => {
    const startedAt = performance.now()
    let requests = 0
    const seen = new PerformanceObserver((list) => {
      requests += list.getEntries().filter(({ name }) => name.endsWith('/api/user')).length
    })
    seen.observe({ type: 'resource' })
    const stop = (${work})()
    let frames = 0
    const next = (now) => {
      frames++
      if (now - startedAt < ${ms}) return requestAnimationFrame(next)
      stop()
      seen.disconnect()
      const seconds = (now - startedAt) / 1000
      resolve([frames / seconds, requests / seconds, seconds])
    }
    requestAnimationFrame(next)
  })`)
  const [perSecond = 0, requestsPerSecond = 0, seconds = 1] = Array.isArray(counted) ? counted.map(Number) : []
  const busyMsPerSecond = (1000 * ((await busySeconds(client)) - before)) / seconds
  await client.detach()
  return { perSecond, busyMsPerSecond, requestsPerSecond }
}

async function busySeconds(client: CDPSession): Promise<number> {
  const { metrics } = await client.send('Performance.getMetrics')
  const wanted = ['ScriptDuration', 'LayoutDuration', 'RecalcStyleDuration']
  return metrics.filter(({ name }) => wanted.includes(name)).reduce((sum, { value }) => sum + value, 0)
}

/** Presses "Send a request" on the page, often enough for 20 requests a second. */
export const TWENTY_A_SECOND = `() => {
  const timer = setInterval(() => document.getElementById('ask').click(), 50)
  return () => clearInterval(timer)
}`

/**
 * What the page needs for the same requests, done in the simplest way: the map and the matrix are rewritten for each
 * response, a dot travels for each request, and each frame draws all marks of a minute.
 */
export const KNOWN_WORK = `() => {
  const MARKS = 2_400
  document.body.innerHTML = '<div id="map"></div><table></table><canvas width="1200" height="260"></canvas>'
  const [map, table, canvas] = document.body.children
  const to = canvas.getContext('2d')
  const shape = new Path2D('M-1.5 -8h3v16h-3z')
  const served = [0, 0, 0, 0, 0]
  const write = () => {
    map.replaceChildren(...served.map((count) => Object.assign(document.createElement('div'), { textContent: count + ' served' })))
    table.replaceChildren(...served.map((one) => {
      const row = document.createElement('tr')
      row.append(...served.map((other) => Object.assign(document.createElement('td'), { textContent: one + other })))
      return row
    }))
    return map.offsetHeight
  }
  const travel = () => {
    const dot = document.createElement('span')
    dot.style.cssText = 'position: absolute; width: 12px; height: 12px; background: red; offset-path: path("M0 0L600 300")'
    map.append(dot)
    dot.animate([{ offsetDistance: '0%' }, { offsetDistance: '100%' }], 840).finished.finally(() => dot.remove())
  }
  let isOver = false
  const draw = (now) => {
    if (isOver) return
    requestAnimationFrame(draw)
    to.clearRect(0, 0, 1200, 260)
    for (let mark = 0; mark < MARKS; mark++) {
      to.save()
      to.translate((mark * 1200 / MARKS + now / 50) % 1200, 20 + (mark % 6) * 43)
      to.fillStyle = mark % 2 ? '#b45309' : '#0f766e'
      to.fill(shape)
      to.restore()
    }
  }
  requestAnimationFrame(draw)
  let turn = 0
  const timer = setInterval(async () => {
    travel()
    await fetch('/api/user').then((response) => response.json())
    served[turn++ % 5]++
    write()
  }, 50)
  return () => {
    isOver = true
    clearInterval(timer)
  }
}`

/** A page of the same server that runs any script, with a session. */
export async function openControl(browser: Browser, url: string): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, bypassCSP: true })
  const page = await context.newPage()
  await page.goto(url)
  await haveSession(page)
  await page.goto(`${url}/nowhere`)
  return page
}
