import { createProgress } from '../support/progress.ts'
import { tryOut } from './drill.ts'
import { type Fault, type Outcome, verdictOf } from './fault.ts'
import type { FaultReport } from './report.ts'
import type { RunningStack } from './running-stack.ts'

const showStep = createProgress()

/** Tries one fault, and shows its name and its verdict. */
const tryFault = <S extends RunningStack>(stack: S, fault: Fault<S>, place = ''): Promise<Outcome> =>
  showStep(`${place}${fault.name}: ${fault.title}`, () => tryOut(stack, fault), verdictOf)

/** Tries the wanted fault, or all of them one after the other. */
export async function tryFaults<S extends RunningStack>(
  stack: S,
  faults: readonly Fault<S>[],
  wanted: string,
): Promise<Outcome[]> {
  const chosen = faults.filter(({ name }) => wanted === '' || wanted === name)
  const outcomes: Outcome[] = []
  for (const [index, fault] of chosen.entries())
    outcomes.push(await tryFault(stack, fault, chosen.length > 1 ? `${index + 1} of ${chosen.length}, ` : ''))
  return outcomes
}

/** A fault of a stack without one of its protections, and the finding that the drill must report. No other finding counts. */
export interface Control<S extends RunningStack> {
  title: string
  fault: Fault<S>
  finds: RegExp
}

/** Tries controls, and returns how the drill noticed each one. */
export async function tryControls<S extends RunningStack>(
  stack: S,
  controls: readonly Control<S>[],
): Promise<FaultReport['controls']> {
  const seen: FaultReport['controls'] = []
  for (const { title, fault, finds } of controls) {
    console.log(`\nControl: ${title}`)
    const { missed, tooSlow } = await tryFault(stack, fault)
    seen.push({ title, fault: fault.title, noticed: [...missed, ...tooSlow].find((reason) => finds.test(reason)) })
  }
  return seen
}

/** Exits with status 2 unless `wanted` is empty or one of these names. */
export function requireKnown(wanted: string, names: readonly string[], where = ''): void {
  if (wanted === '' || names.includes(wanted)) return
  console.error(`Unknown fault ${wanted}. Known faults${where}: ${names.join(', ')}`)
  process.exit(2)
}
