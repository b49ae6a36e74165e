import type { Attack } from './attack.ts'
import { fullHouse } from './full-house.ts'
import { manyStreamsTls } from './many-streams-tls.ts'
import { slowBodies } from './slow-bodies.ts'
import { slowHeaders } from './slow-headers.ts'

/** In the order of docs/threat-model.md. */
export const ATTACKS: readonly Attack[] = [
  // nginx
  slowHeaders,
  slowBodies,
  manyStreamsTls,
  fullHouse,
]
