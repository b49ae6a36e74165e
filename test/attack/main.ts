// Attacks a stack of its own at full size, one attack after the other, and reports what other users saw: make attack
import { mkdir, writeFile } from 'node:fs/promises'
import { TOP } from '../lib/command.ts'
import { createComposeStack } from '../lib/compose-stack.ts'
import { ATTACKS } from './all.ts'
import { type Attack, type Outcome, verdictOf } from './attack.ts'
import { renderText } from './report.ts'

const [wanted = ''] = process.argv.slice(2)
const chosen = ATTACKS.filter(({ name }) => wanted === '' || name === wanted)
if (chosen.length === 0) {
  console.error(`There is no attack ${wanted}. There are: ${ATTACKS.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}

const outcomes: Outcome[] = []
for (const attack of chosen) {
  console.log(`${attack.name}: ${attack.title}`)
  const outcome = await attackOwnStack(attack)
  console.log(`  ${outcome.others}\n  ${[verdictOf(outcome), ...outcome.gotThrough].join('\n  ')}`)
  outcomes.push(outcome)
}
await mkdir(`${TOP}loadtest/report`, { recursive: true })
await writeFile(`${TOP}loadtest/report/attack.json`, `${JSON.stringify(outcomes, null, 2)}\n`)
console.log(`\n${renderText(outcomes)}`)
process.exitCode = outcomes.every((outcome) => verdictOf(outcome) === 'stopped') ? 0 : 1

/** Each attack has a fresh stack, so none of them depends on what another has left. */
async function attackOwnStack(attack: Attack): Promise<Outcome> {
  const stack = createComposeStack('sessions-attack', attack.settings)
  await stack.choosePorts()
  try {
    await stack.up()
    // A stack that the attack has stopped answers nothing any more, and that is no reason to look at no other attack.
    const finding = await attack.run(stack).catch((error: unknown) => ({
      others: 'not measured to the end',
      gotThrough: [`the attack broke off: ${String(error).split('\n', 1)[0]}`],
    }))
    return { name: attack.name, title: attack.title, ...finding }
  } finally {
    await stack.down()
  }
}
