// Uses the page for an hour and measures its memory each minute: node memory-over-time.js [MINUTES]. Exits with status 1 if it grows.
import { setTimeout as sleep } from 'node:timers/promises'
import type { CDPSession, Page } from 'playwright-core'
import { logIn, visit } from '../support/browser-page.ts'
import { launchChromium } from '../support/chromium.ts'
import { startPageNodes } from '../support/page-nodes.ts'
import { MOVING } from '../support/page-pool.ts'
import { percentile } from '../support/percentile.ts'
import { startTestRedis } from '../support/redis-server.ts'
import { writeReport } from '../support/write-report.ts'

const FIVE = ['app-1', 'app-2', 'app-3', 'app-4', 'app-5']
const MINUTE_MS = 60_000
const REQUESTS_PER_SECOND = 2
/** The lanes show one minute, and compiled code settles. */
const WARM_UP_MINUTES = 5
/** How much more the last quarter may need than the first. One event more or less in the feed is a matter of some kB. */
const GROWTH = 1.05

/** So small that Chromium draws little: what grows does not depend on it. */
const SMALL = { width: 390, height: 500 }

interface Sample {
  minute: number
  /** The JavaScript heap after a garbage collection. */
  heapBytes: number
  /** Nodes of the document, and those that scripts still hold. */
  domNodes: number
  listeners: number
}

const minutes = Number(process.argv[2] ?? 60)
if (!Number.isInteger(minutes) || minutes <= 2 * WARM_UP_MINUTES)
  throw new Error(`MINUTES must be a whole number above ${2 * WARM_UP_MINUTES}`)
process.exitCode = (await useForLong(minutes)) ? 0 : 1

async function useForLong(during: number): Promise<boolean> {
  const redis = await startTestRedis()
  const nodes = await startPageNodes(redis.url, FIVE)
  const browser = await launchChromium()
  try {
    const { page, complaints } = await visit(browser, nodes.url, { ...MOVING, viewport: SMALL })
    await logIn(page)
    await keepRequesting(page)
    const samples = await sampleEachMinute(page, during)
    await writeReport('page-memory', { nodes: FIVE.length, requestsPerSecond: REQUESTS_PER_SECOND, samples })
    return judge(samples, complaints)
  } finally {
    await browser.close()
    await nodes.stop()
    await redis.stop()
  }
}

async function keepRequesting(page: Page): Promise<void> {
  await page.evaluate(`void setInterval(() => document.getElementById('ask').click(), ${1000 / REQUESTS_PER_SECOND})`)
}

async function sampleEachMinute(page: Page, during: number): Promise<Sample[]> {
  const client = await page.context().newCDPSession(page)
  await client.send('Performance.enable')
  const samples: Sample[] = []
  for (let minute = 1; minute <= during; minute++) {
    await sleep(MINUTE_MS)
    const sample = await measure(client, minute)
    console.log(
      `${minute} min: ${(sample.heapBytes / 1e6).toFixed(2)} MB, ${sample.domNodes} DOM nodes, ${sample.listeners} listeners`,
    )
    samples.push(sample)
  }
  return samples
}

async function measure(client: CDPSession, minute: number): Promise<Sample> {
  await client.send('HeapProfiler.collectGarbage')
  const { metrics } = await client.send('Performance.getMetrics')
  const read = (wanted: string) => metrics.find(({ name }) => name === wanted)?.value ?? Number.NaN
  return {
    ...{ minute, heapBytes: read('JSHeapUsedSize') },
    ...{ domNodes: read('Nodes'), listeners: read('JSEventListeners') },
  }
}

function judge(all: readonly Sample[], complaints: readonly string[]): boolean {
  const samples = all.slice(WARM_UP_MINUTES)
  const quarter = Math.ceil(samples.length / 4)
  const growthOf = (what: 'heapBytes' | 'domNodes' | 'listeners') => {
    const median = (some: readonly Sample[]) =>
      percentile(
        some.map((sample) => sample[what]),
        0.5,
      )
    return median(samples.slice(-quarter)) / median(samples.slice(0, quarter))
  }
  const growth = { heap: growthOf('heapBytes'), nodes: growthOf('domNodes'), listeners: growthOf('listeners') }
  const isFlat = Object.values(growth).every((factor) => factor <= GROWTH)
  const factors = Object.entries(growth).map(([what, factor]) => `${what} x ${factor.toFixed(3)}`)
  console.log(`From the first to the last quarter: ${factors.join(', ')}. ${isFlat ? 'Flat' : 'It GROWS'}.`)
  for (const complaint of complaints) console.log(`The browser reports: ${complaint}`)
  return isFlat
}
