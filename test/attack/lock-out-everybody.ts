import { setTimeout as sleep } from 'node:timers/promises'
import { ADA, ALAN, GRACE } from '../support/http.ts'
import type { Attack, ComposeStack } from './attack.ts'

const FAILURES = 180
const AT_ONCE = 4
const PAUSE_MS = 300

/** 1.5 times the failures that an address may have, with unknown names, from the address that all clients share. */
export const lockOutEverybody: Attack = {
  name: 'lock-out-everybody',
  title: `${FAILURES} failed logins with invented names, from the address that all clients share`,
  async run(stack) {
    let isUnderWay = true
    const others = keepLoggingIn(stack, () => isUnderWay)
    const names = Array.from({ length: FAILURES }, (_, index) => `fuzzed-${index}`)
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let name = names.pop(); name !== undefined; name = names.pop()) {
          await stack.stranger().logIn({ username: name, password: 'a guess' })
        }
      }),
    )
    isUnderWay = false
    const meanwhile = await others
    const afterwards: number[] = []
    for (const account of [ADA, GRACE, ALAN]) afterwards.push((await stack.stranger().logIn(account)).status)

    const refused = [...meanwhile, ...afterwards].filter((status) => status === 429).length
    const good = (statuses: readonly number[]) =>
      `${statuses.filter((status) => status === 200).length} of ${statuses.length}`
    return {
      others: `logins with the correct password: ${good(meanwhile)} during the attack, ${good(afterwards)} afterwards`,
      gotThrough: refused === 0 ? [] : [`${refused} logins of other users with the correct password were 429`],
    }
  },
}

/** Three users log in with the correct password and log out, one after the other. Resolves with the statuses. */
async function keepLoggingIn(stack: ComposeStack, isUnderWay: () => boolean): Promise<number[]> {
  const statuses: number[] = []
  for (let turn = 0; isUnderWay(); turn++) {
    const user = stack.stranger()
    statuses.push((await user.logIn([ADA, GRACE, ALAN][turn % 3])).status)
    await user.logOut()
    await sleep(PAUSE_MS)
  }
  return statuses
}
