import type { Attack } from './attack.ts'
import { redisAccount } from './redis-account.ts'

/** In the order of docs/threat-model.md. */
export const ATTACKS: readonly Attack[] = [redisAccount]
