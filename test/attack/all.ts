import type { Attack } from './attack.ts'
import { loginFlood } from './login-flood.ts'

/** In the order of docs/threat-model.md. */
export const ATTACKS: readonly Attack[] = [loginFlood]
