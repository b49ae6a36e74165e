// Breaks the running Compose stack on purpose, one fault after the other, and reports what users saw: make chaos
import { FAULTS_OF } from './all.ts'
import { CONTROLS_OF } from './controls.ts'
import { describeLoad } from './k6-load.ts'
import type { FaultReport } from './report.ts'
import { publish } from './report-page.ts'
import { redisKind } from './servers.ts'
import { openStack, sayIfInterrupted } from './stack.ts'
import { requireKnown, tryControls, tryFaults } from './try-faults.ts'

const [url = 'http://localhost:8080', wanted = ''] = process.argv.slice(2)
const stack = openStack(url)
const kind = await redisKind(stack)
const faults = FAULTS_OF[kind]
requireKnown(wanted, [...faults.map(({ name }) => name), 'controls'], ` with REDIS=${kind}`)

sayIfInterrupted()
const outcomes = await tryFaults(stack, faults, wanted)
const seen = wanted === 'controls' ? await tryControls(stack, CONTROLS_OF[kind]) : []
const finishedAt = new Date().toISOString()
const report: FaultReport = {
  ...{ name: 'chaos', url, finishedAt, load: describeLoad() },
  ...{ outcomes, controls: seen, balance: [] },
}
await publish(report)
