// Runs each attack at full size on its own stack and reports what other users saw: make attack
import { createComposeStack } from '../support/compose-stack.ts'
import { createProgress } from '../support/progress.ts'
import { writeReport } from '../support/write-report.ts'
import { ATTACKS } from './all.ts'
import { type Attack, type Outcome, verdictOf } from './attack.ts'
import { renderText } from './report.ts'

const [wanted = ''] = process.argv.slice(2)
const chosen = ATTACKS.filter(({ name }) => wanted === '' || name === wanted)
if (chosen.length === 0) {
  console.error(`Unknown attack ${wanted}. Known attacks: ${ATTACKS.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}

const showStep = createProgress()
const outcomes: Outcome[] = []
for (const attack of chosen) {
  const outcome = await showStep(`${attack.name}: ${attack.title}`, () => attackOwnStack(attack), verdictOf)
  console.log([outcome.others, ...outcome.gotThrough].map((line) => `  ${line}`).join('\n'))
  outcomes.push(outcome)
}
console.log(`\n${renderText(outcomes)}\nThe report is ${await writeReport('attack', outcomes)}`)
process.exitCode = outcomes.every((outcome) => verdictOf(outcome) === 'stopped') ? 0 : 1

/** Each attack has a fresh stack, so it does not depend on earlier attacks. */
async function attackOwnStack(attack: Attack): Promise<Outcome> {
  const stack = createComposeStack('sessions-attack', attack.settings)
  await stack.choosePorts()
  try {
    await stack.up()
    // A stack stopped by the attack does not respond. The other attacks still run.
    const finding = await attack.run(stack).catch((error: unknown) => ({
      others: 'measurement incomplete',
      gotThrough: [`the attack was aborted: ${String(error).split('\n', 1)[0]}`],
    }))
    return { name: attack.name, title: attack.title, ...finding }
  } finally {
    await stack.down()
  }
}
