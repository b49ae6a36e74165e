import type { Attack } from './attack.ts'
import { besiege } from './nginx-siege.ts'

export const fullHouse: Attack = {
  name: 'full-house',
  title: '7,000 of 8,192 connections with an unfinished header of the longest allowed size',
  run: (stack) => besiege(stack, 'allowed-headers', 7_000),
}
