// Breaks the running stack on Kubernetes on purpose, one fault after the other, and reports what users saw: make chaos
import { describeLoad } from '../k6-load.ts'
import { publish } from '../report-page.ts'
import { requireKnown, tryControls, tryFaults } from '../try-faults.ts'
import { CONTROLS_OF, FAULTS_OF } from './all.ts'
import { openStack } from './stack.ts'

const [url = '', wanted = ''] = process.argv.slice(2)
const stack = openStack(url)
const kind = await stack.redisKind()
const faults = FAULTS_OF[kind]
const controls = CONTROLS_OF[kind]
const known = [...faults.map(({ name }) => name), ...(controls.length > 0 ? ['controls'] : [])]
requireKnown(wanted, known, kind === 'single' ? '' : ` with REDIS=${kind}`)
process.once('SIGINT', () => {
  console.error('\nStopped during a fault. Repair the stack with: make k8s-up; kubectl uncordon NODE')
  process.exit(130)
})
const outcomes = await tryFaults(stack, faults, wanted)
const seen = wanted === 'controls' ? await tryControls(stack, controls) : []
const finishedAt = new Date().toISOString()
await publish({ name: 'chaos', url, finishedAt, load: describeLoad(), outcomes, controls: seen, balance: [] })
