// Breaks the running stack on purpose, one fault after the other, and tells what its users saw: make chaos
import { FAULTS } from './faults/all.ts'
import { controls } from './faults/controls.ts'
import { tryOut } from './faults/drill.ts'
import { type Fault, type Outcome, verdictOf } from './faults/fault.ts'
import { describeLoad } from './faults/k6-load.ts'
import { EXIT_STATUS, type FaultReport, renderText, verdictOn } from './faults/report.ts'
import { writeReport } from './faults/report-page.ts'
import { openStack, sayIfInterrupted } from './faults/stack.ts'

const [url = 'http://localhost:8080', wanted = ''] = process.argv.slice(2)
const names = [...FAULTS.map(({ name }) => name), 'controls']
if (wanted !== '' && !names.includes(wanted)) {
  console.error(`There is no fault ${wanted}. There are: ${names.join(', ')}`)
  process.exit(2)
}

sayIfInterrupted()
const stack = openStack(url)
const outcomes: Outcome[] = []
for (const fault of FAULTS.filter(({ name }) => wanted === '' || wanted === name)) outcomes.push(await announced(fault))
const seen: FaultReport['controls'] = []
for (const { title, fault, finds } of wanted === 'controls' ? controls : []) {
  console.log(`\nControl: ${title}`)
  const { missed, tooSlow } = await announced(fault)
  seen.push({ title, fault: fault.title, noticed: [...missed, ...tooSlow].find((reason) => finds.test(reason)) })
}
const finishedAt = new Date().toISOString()
const report: FaultReport = {
  ...{ name: 'chaos', url, finishedAt, load: describeLoad() },
  ...{ outcomes, controls: seen, balance: [] },
}
console.log(`\n${renderText(report)}\nThe report is ${await writeReport(report)}`)
process.exitCode = EXIT_STATUS[verdictOn(report)]

async function announced(fault: Fault): Promise<Outcome> {
  process.stdout.write(`${fault.name}: ${fault.title}`)
  const outcome = await tryOut(stack, fault)
  console.log(`, ${verdictOf(outcome)}`)
  return outcome
}
