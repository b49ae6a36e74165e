import type { Attack } from './attack.ts'
import { besiege } from './nginx-siege.ts'

export const slowBodies: Attack = {
  name: 'slow-bodies',
  title: '2,400 logins with 60 of 65 kB of their body',
  run: (stack) => besiege(stack, 'bodies', 2400),
}
