import type { Attack } from './attack.ts'
import { stolenToken } from './stolen-token.ts'

/** In the order of docs/threat-model.md. */
export const ATTACKS: readonly Attack[] = [
  stolenToken, //
]
