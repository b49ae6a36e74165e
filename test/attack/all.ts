import { anonymousStreams } from './anonymous-streams.ts'
import type { Attack } from './attack.ts'

/** In the order of docs/threat-model.md. */
export const ATTACKS: readonly Attack[] = [anonymousStreams]
