// Repeats the faults of a Redis with replicas, and counts what was lost: make soak, with REDIS=sentinel or REDIS=cluster.
// It writes the table of docs/faults.md to loadtest/report/failover.md.
import { mkdir, writeFile } from 'node:fs/promises'
import { TOP } from '../support/command.ts'
import { createProgress } from '../support/progress.ts'
import { FAILOVERS_OF } from './all.ts'
import { drill, underLoad } from './drill.ts'
import { withoutReplicas } from './failover.ts'
import { type Row, renderTable } from './failover-table.ts'
import { type Fault, type Outcome, verdictOf } from './fault.ts'
import { keepAccountsOfRun } from './load.ts'
import { watchMachine } from './machine.ts'
import { redisKind } from './servers.ts'
import { openStack, sayIfInterrupted } from './stack.ts'

const [url = 'http://localhost:8080', wanted = ''] = process.argv.slice(2)
const rounds = Number(process.env.SOAK_ROUNDS || 20)
const stack = openStack(url)
const kind = await redisKind(stack)
const showStep = createProgress()
sayIfInterrupted()

const chosen = (faults: readonly Fault[]) =>
  faults.filter(({ name }) => wanted === '' || wanted.split(',').includes(name))
const rows: Row[] = []
await repeat(`REDIS=${kind}`, chosen(FAILOVERS_OF[kind].protected))
// The control: these must lose something, or the other rows say nothing.
await repeat(`REDIS=${kind}, no write waits for a replica`, chosen(FAILOVERS_OF[kind].control).map(withoutReplicas))

console.log(renderTable(rows))
const failed = rows.filter(
  ({ outcomes, isControl }) => !isControl && outcomes.some((one) => verdictOf(one) === 'FAILED'),
)
for (const { fault, outcomes } of failed)
  for (const [round, { missed }] of outcomes.entries())
    for (const reason of missed) console.log(`${fault}, ${round + 1}: ${reason}`)
process.exitCode = failed.length > 0 ? 1 : 0

/** All faults of a setting under one load, so that a session can outlive many of them. */
async function repeat(setting: string, faults: readonly Fault[]): Promise<void> {
  const [first] = faults
  if (!first) return
  await first.prepare?.(stack)
  const added = faults.map(
    ({ title }): Row => ({ setting, fault: title, isControl: setting.includes(','), outcomes: [] }),
  )
  rows.push(...added)
  try {
    await underLoad(stack, async (recorder) => {
      for (let round = 1; round <= rounds; round++) {
        await keepAccountsOfRun()
        for (const [place, fault] of faults.entries()) {
          const machine = watchMachine(stack)
          const work = () => drill(stack, fault, recorder, machine).finally(machine.stop)
          const outcome = await showStep(`${round} of ${rounds}, ${fault.name}`, work, summaryOf)
          added[place]?.outcomes.push(outcome)
          // A soak that is interrupted keeps what it has found.
          await saveRows()
        }
      }
    })
  } finally {
    await first.restore?.(stack)
  }
}

async function saveRows(): Promise<void> {
  const folder = `${TOP}/loadtest/report`
  await mkdir(folder, { recursive: true })
  await writeFile(`${folder}/failover-${kind}.json`, `${JSON.stringify(rows, undefined, 2)}\n`)
  await writeFile(`${folder}/failover-${kind}.md`, renderTable(rows))
}

function summaryOf(outcome: Outcome): string {
  const { losses, downMs, missed, tooSlow } = outcome
  const lost = `${losses.logins} logins, ${losses.byRotation} rotations lost, ${losses.returned} returned`
  return [`${lost}, ${(downMs / 1000).toFixed(1)} s, ${verdictOf(outcome)}`, ...missed, ...tooSlow].join('; ')
}
