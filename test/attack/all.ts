import { anonymousStreams } from './anonymous-streams.ts'
import type { Attack } from './attack.ts'
import { lockOutEverybody } from './lock-out-everybody.ts'

/** In the order of docs/threat-model.md. */
export const ATTACKS: readonly Attack[] = [
  // One on each line.
  anonymousStreams,
  lockOutEverybody,
]
