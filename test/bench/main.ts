// Measures what a request and its session cost: make bench
import { availableParallelism, cpus, totalmem } from 'node:os'
import { createProgress } from '../support/progress.ts'
import { writeReport } from '../support/write-report.ts'
import type { Described, Found } from './found.ts'
import { generator, putLoad } from './load.ts'
import { measureLogins } from './login.ts'
import { logIn, type Subject } from './measure.ts'
import { exitCodeOf, sumUp } from './report.ts'
import { renderHtml } from './report-page.ts'
import { renderText } from './report-text.ts'
import { measureRest } from './rest.ts'
import { createRounds } from './rounds.ts'
import { readSettings, type Settings } from './settings.ts'
import { allBut, type Bench, openBench, runInside } from './stack.ts'
import { ALIKE, CACHED, OURS, TIERS, type Tier } from './tier.ts'

/** The load while thousands of sessions end. */
const BACKGROUND_RATE = 100

process.on('uncaughtException', ({ message }) => {
  console.error(`The measurement failed: ${message}`)
  process.exit(2)
})
const showStep = createProgress()
const settings = readSettings(process.env)
const bench = await showStep('Start the stack of the measurement', openBench)
const report = sumUp(await measureEverything(bench, settings), describe(settings))
console.log(`\n${renderText(report)}\nThe report is ${await writeReport('bench', report, renderHtml(report))}`)
process.exitCode = exitCodeOf(report)

async function measureEverything(bench: Bench, settings: Settings): Promise<Found> {
  const { restSeconds } = settings
  const all = createRounds(bench, settings)
  const before = await showStep('Measure the machine with bare Express', all.measureYardstick)

  const { rounds, saturated, subjects } = await measureRounds(all, settings)
  const logins = await showStep('Measure logins', () => measureAllLogins(bench, subjects, settings))
  const revocation = await showStep('Measure how long an ended session is honoured with SESSION_CACHE=on', () =>
    measureRevocation(bench, settings),
  )
  const growth: Found['growth'] = []
  for (const count of settings.growth) {
    const title = `Measure with ${count} ${count === 1 ? 'node' : 'nodes'}`
    growth.push(await showStep(title, async () => all.measureAll(await all.prepare(count, ALIKE), 0)))
  }
  await bench.stop(TIERS)
  const memory = await showStep('Measure memory, and operations with more and more sessions', () =>
    measureMemory(bench, settings),
  )
  const rest = await showStep('Measure the stack at rest', () => measureRest(bench, restSeconds))
  await bench.stop([OURS])
  const after = await showStep('Measure the machine again', all.measureYardstick)
  return { rounds, saturated, growth, logins, rest, memory, revocation, yardstick: { before, after } }
}

async function measureRounds(all: ReturnType<typeof createRounds>, { rounds, nodes, restartsEachRound }: Settings) {
  const found: Pick<Found, 'rounds' | 'saturated'> = { rounds: [], saturated: [] }
  let subjects: Subject[] = []
  for (let round = 0; round < rounds; round++) {
    await showStep(`Measure with ${nodes} nodes, round ${round + 1} of ${rounds}`, async () => {
      if (round === 0 || restartsEachRound) subjects = await all.prepare(nodes, TIERS)
      found.rounds.push(await all.measureAll(subjects, round))
      found.saturated.push(await all.saturateAll(subjects, round))
    })
  }
  return { ...found, subjects }
}

async function measureAllLogins(bench: Bench, subjects: readonly Subject[], { logins, warmUps }: Settings) {
  const subject = subjects.find(({ tier }) => tier === OURS)
  if (!subject) throw new Error('this project was not measured')
  const found: Found['logins'] = []
  for (let n = 0; n < warmUps + logins; n++) {
    const cost = await measureLogins(bench, subject)
    if (n >= warmUps) found.push(cost)
  }
  return found
}

async function measureRevocation(bench: Bench, { trials }: Settings): Promise<Found['revocation']> {
  await bench.stop(allBut(CACHED))
  return withLoad(bench, CACHED, () => runInside(bench, 'inside', { TRIALS: String(trials) }))
}

async function measureMemory(bench: Bench, { sizes }: Settings): Promise<Found['memory']> {
  await bench.compose('--profile', 'inside', 'up', '--detach', '--wait', 'large-redis')
  const found = await runInside(bench, 'large', { SIZES: sizes.join(' ') })
  await bench.compose('stop', 'large-redis')
  return found
}

async function withLoad<T>(bench: Bench, tier: Tier, work: () => Promise<T>): Promise<T> {
  const url = await bench.urlOf(tier)
  const cookies = await logIn(tier, url)
  let isDone = false
  const loading = (async () => {
    while (!isDone) await putLoad({ tier, url, cookies, seconds: 5, rate: BACKGROUND_RATE })
  })()
  try {
    return await work()
  } finally {
    isDone = true
    await loading
  }
}

function describe({ isQuick, rate, rounds, turns, seconds, nodes }: Settings): Described {
  return {
    isQuick,
    machine: `${availableParallelism()} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    generator: generator(),
    load: `${rate} requests a second of ${generator()} to ${nodes} nodes, ${rounds} rounds of ${turns} × ${seconds} s`,
    finishedAt: new Date().toISOString(),
  }
}
