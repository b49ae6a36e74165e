// Breaks the running stack on Kubernetes on purpose, one fault after the other, and reports what users saw: make chaos
import { describeLoad } from '../k6-load.ts'
import { publish } from '../report-page.ts'
import { requireKnown, tryControls, tryFaults } from '../try-faults.ts'
import { FAULTS } from './all.ts'
import { controls } from './controls.ts'
import { openStack } from './stack.ts'

const [url = '', wanted = ''] = process.argv.slice(2)
requireKnown(wanted, [...FAULTS.map(({ name }) => name), 'controls'])
process.once('SIGINT', () => {
  console.error('\nStopped during a fault. Repair the stack with: make k8s-up; kubectl uncordon NODE')
  process.exit(130)
})
const stack = openStack(url)
const outcomes = await tryFaults(stack, FAULTS, wanted)
const seen = wanted === 'controls' ? await tryControls(stack, controls) : []
const finishedAt = new Date().toISOString()
await publish({ name: 'chaos', url, finishedAt, load: describeLoad(), outcomes, controls: seen, balance: [] })
