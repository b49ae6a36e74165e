import type { Attack } from './attack.ts'
import { besiege } from './nginx-siege.ts'

export const slowHeaders: Attack = {
  name: 'slow-headers',
  title: '2,900 connections with 31 kB of an endless header',
  run: (stack) => besiege(stack, 'headers', 2900),
}
