// Ten minutes of load at a fixed rate with a fault every half minute. Afterwards the stack must be unchanged: make soak
import { setTimeout as sleep } from 'node:timers/promises'
import { createProgress } from '../support/progress.ts'
import { until } from '../support/until.ts'
import { SOAK_FAULTS } from './all.ts'
import { compare, takeStock } from './balance.ts'
import { drill, underLoad } from './drill.ts'
import { type Outcome, verdictOf } from './fault.ts'
import { describeLoad } from './k6-load.ts'
import { keepAccountsOfRun } from './load.ts'
import { watchMachine } from './machine.ts'
import type { FaultReport } from './report.ts'
import { publish } from './report-page.ts'
import { openStack, sayIfInterrupted } from './stack.ts'

/** The time for work in progress to end after the run. */
const SETTLE_MS = 20_000
const WARM_UP_MS = 5_000

const soakMs = Number(process.env.SOAK_SECONDS || 600) * 1000
const everyMs = Number(process.env.FAULT_EVERY_SECONDS || 30) * 1000
const [url = 'http://localhost:8080'] = process.argv.slice(2)
const stack = openStack(url)
sayIfInterrupted()
const showStep = createProgress()

// Runs each fault once first, so one-time allocations happen before the first measurement.
await showStep('Warm up', () => underLoad(stack, () => sleep(WARM_UP_MS)))
const before = await takeStock(stack)
const outcomes: Outcome[] = await underLoad(stack, async (recorder) => {
  const found: Outcome[] = []
  const startedMs = recorder.now()
  // Even a shorter run includes every fault once.
  while (recorder.now() - startedMs < soakMs || found.length < SOAK_FAULTS.length) {
    const fault = SOAK_FAULTS[found.length % SOAK_FAULTS.length]
    if (!fault) break
    if (found.length % SOAK_FAULTS.length === 0) await keepAccountsOfRun()
    const machine = watchMachine(stack)
    const atSeconds = Math.round((recorder.now() - startedMs) / 1000)
    const work = () => drill(stack, fault, recorder, machine).finally(machine.stop)
    found.push(await showStep(`${atSeconds} s: ${fault.title}`, work, verdictOf))
    const restMs = found.length * everyMs - (recorder.now() - startedMs)
    if (restMs > 0) await showStep('Load without a fault', () => sleep(restMs))
  }
  return found
})

let balance = compare(before, await takeStock(stack))
const isLevel = async () => {
  balance = compare(before, await takeStock(stack))
  return balance.every((one) => one.isLevel)
}
const settle = () =>
  until('the measured values are back to normal', isLevel, SETTLE_MS).then(
    () => 'done',
    () => 'a value has grown',
  )
await showStep('Wait until the measured values are back to normal', settle, (result) => result)
const finishedAt = new Date().toISOString()
const report: FaultReport = { name: 'soak', url, finishedAt, load: describeLoad(), outcomes, controls: [], balance }
await publish(report)
