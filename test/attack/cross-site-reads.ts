import { FROM_ELSEWHERE } from '../support/from-elsewhere.ts'
import { send } from '../support/http.ts'
import type { Attack } from './attack.ts'

const TIMES = 200

/** Another site uses its visitors' browsers: it measures responses, extends their sessions, and opens streams. */
export const crossSiteReads: Attack = {
  name: 'cross-site-reads',
  title: 'A page of another site makes its visitors’ browsers read /api with their cookies',
  async run(stack) {
    const cookie = (await stack.visitor()).cookie() ?? ''
    const other = await stack.visitor()
    const answers = { refused: 0, answered: 0, others: 0 }
    for (let turn = 0; turn < TIMES; turn++) {
      const headers = FROM_ELSEWHERE[turn % FROM_ELSEWHERE.length] ?? {}
      for (const [method, path] of [
        ['GET', '/api/user'],
        ['GET', '/api/sessions'],
        ['HEAD', '/api/events'],
      ] as const) {
        const response = await send(stack.url(), path, { method, headers, cookie })
        await response.text()
        if (response.status === 403) answers.refused++
        else answers.answered++
      }
      if ((await other.whoAmI()).status === 200) answers.others++
    }
    return {
      others: `${answers.others} of ${TIMES} reads answered; ${answers.refused} of the attacker's ${answers.refused + answers.answered} rejected`,
      gotThrough: answers.answered > 0 ? [`${answers.answered} reads for another site were answered`] : [],
    }
  },
}
