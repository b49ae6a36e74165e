import type { Attack } from './attack.ts'
import { besiege } from './nginx-siege.ts'

export const manyStreamsTls: Attack = {
  name: 'many-streams-tls',
  title: '2,950 event streams over TLS',
  settings: { TLS: '1' },
  run: (stack) => besiege(stack, 'streams-tls', 2950),
}
