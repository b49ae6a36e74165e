// Breaks the running stack on purpose, one fault after the other, and tells what its users saw: make chaos
import { startFaults } from './faults/bad-start.ts'
import { clockFaults } from './faults/clock-off.ts'
import { controls } from './faults/controls.ts'
import { drill, underLoad } from './faults/drill.ts'
import type { Fault, Outcome } from './faults/fault.ts'
import { describeLoad } from './faults/k6-load.ts'
import { nodeFaults } from './faults/nodes-fail.ts'
import { redisFaults } from './faults/redis-fails.ts'
import { type FaultReport, isProved, renderText, writeReport } from './faults/report.ts'
import { openStack, type Stack } from './faults/stack.ts'
import { stackChanges } from './faults/stack-changes.ts'
import { command } from './lib/command.ts'
import { secretsSeen } from './lib/visitor.ts'

const FAULTS = [...nodeFaults, ...stackChanges, ...redisFaults, ...clockFaults, ...startFaults]

const [url = 'http://localhost:8080', wanted = ''] = process.argv.slice(2)
const names = FAULTS.map(({ name }) => name)
if (wanted !== '' && wanted !== 'controls' && !names.includes(wanted)) {
  console.error(`There is no fault ${wanted}. There are: ${names.join(', ')}, controls`)
  process.exit(2)
}

const stack = openStack(url)
const outcomes: Outcome[] = []
for (const fault of FAULTS.filter(({ name }) => wanted === '' || wanted === name))
  outcomes.push(await happen(stack, fault))
const noticed = wanted === 'controls' ? await runControls(stack) : []
const report: FaultReport = {
  name: 'chaos',
  url,
  finishedAt: new Date().toISOString(),
  load: describeLoad(),
  outcomes,
  controls: noticed,
  balance: [],
}
console.log(`\n${renderText(report)}\nThe report is ${await writeReport(report)}`)
process.exitCode = isProved(report) ? 0 : 1

async function happen(stack: Stack, fault: Fault): Promise<Outcome> {
  process.stdout.write(`${fault.name}: ${fault.title}`)
  const startedAt = new Date()
  try {
    await fault.prepare?.(stack)
    const outcome = await underLoad(stack, (recorder) => drill(stack, fault, recorder))
    outcome.missed.push(...(await secretsInLogs(stack, startedAt)))
    console.log(outcome.missed.length === 0 ? ', survived' : ', FAILED')
    return outcome
  } finally {
    await fault.restore?.(stack)
  }
}

async function runControls(stack: Stack): Promise<FaultReport['controls']> {
  const found: FaultReport['controls'] = []
  for (const { title, fault, finds } of controls) {
    console.log(`\nControl: ${title}`)
    const { missed } = await happen(stack, fault)
    found.push({ title, fault: fault.title, noticed: missed.find((reason) => finds.test(reason)) })
  }
  return found
}

/** No token and no password of this run may be in any log, whatever went wrong. */
async function secretsInLogs(stack: Stack, since: Date): Promise<string[]> {
  const containers = (await stack.compose('ps', '--format', '{{.Name}}')).trim().split('\n')
  const logs = await Promise.all(
    containers.map((name) => command('docker', ['logs', '--since', since.toISOString(), name])),
  )
  const isUnreadable = logs.some(({ code }) => code !== 0)
  const isThere = [...secretsSeen].some((secret) => logs.some(({ output }) => output.includes(secret)))
  return [...(isUnreadable ? ['a log cannot be read'] : []), ...(isThere ? ['a token or a password is in a log'] : [])]
}
