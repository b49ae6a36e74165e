// Ten minutes of load at a fixed rate with a fault every half minute, and then everything is as it was: make soak
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../app/test/lib/until.ts'
import { SOAK_FAULTS } from './faults/all.ts'
import { compare, takeStock } from './faults/balance.ts'
import { drill, underLoad } from './faults/drill.ts'
import { type Outcome, verdictOf } from './faults/fault.ts'
import { describeLoad } from './faults/k6-load.ts'
import { watchMachine } from './faults/machine.ts'
import { EXIT_STATUS, type FaultReport, renderText, verdictOn } from './faults/report.ts'
import { writeReport } from './faults/report-page.ts'
import { openStack, sayIfInterrupted } from './faults/stack.ts'

/** How long whatever is still under way at the end may take to be over. */
const SETTLE_MS = 20_000
const WARM_UP_MS = 5_000

const soakMs = Number(process.env.SOAK_SECONDS || 600) * 1000
const everyMs = Number(process.env.FAULT_EVERY_SECONDS || 30) * 1000
const [url = 'http://localhost:8080'] = process.argv.slice(2)
const stack = openStack(url)
sayIfInterrupted()

// What a process takes once, it has taken before the first look.
await underLoad(stack, () => sleep(WARM_UP_MS))
const before = await takeStock(stack)
const outcomes: Outcome[] = await underLoad(stack, async (recorder) => {
  const found: Outcome[] = []
  const startedMs = recorder.now()
  // Shorter than that, it still goes through all of them once.
  while (recorder.now() - startedMs < soakMs || found.length < SOAK_FAULTS.length) {
    const fault = SOAK_FAULTS[found.length % SOAK_FAULTS.length]
    if (!fault) break
    const machine = watchMachine(stack)
    const outcome = await drill(stack, fault, recorder, machine).finally(machine.stop)
    found.push(outcome)
    const atSeconds = Math.round((recorder.now() - startedMs) / 1000)
    console.log(`${atSeconds} s: ${fault.title}, ${verdictOf(outcome)}`)
    await sleep(Math.max(0, found.length * everyMs - (recorder.now() - startedMs)))
  }
  return found
})

let balance = compare(before, await takeStock(stack))
await until(
  'all is as it was',
  async () => {
    balance = compare(before, await takeStock(stack))
    return balance.every(({ isLevel }) => isLevel)
  },
  SETTLE_MS,
).catch(() => {})
const finishedAt = new Date().toISOString()
const report: FaultReport = { name: 'soak', url, finishedAt, load: describeLoad(), outcomes, controls: [], balance }
console.log(`\n${renderText(report)}\nThe report is ${await writeReport(report)}`)
process.exitCode = EXIT_STATUS[verdictOn(report)]
