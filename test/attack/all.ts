import { anonymousStreams } from './anonymous-streams.ts'
import type { Attack } from './attack.ts'
import { crossSiteReads } from './cross-site-reads.ts'
import { fullHouse } from './full-house.ts'
import { lockOutEverybody } from './lock-out-everybody.ts'
import { loginFlood } from './login-flood.ts'
import { lookAlikeCookie } from './look-alike-cookie.ts'
import { manyStreamsTls } from './many-streams-tls.ts'
import { redisAccount } from './redis-account.ts'
import { slowBodies } from './slow-bodies.ts'
import { slowHeaders } from './slow-headers.ts'
import { stolenToken } from './stolen-token.ts'

/** In the order of docs/threat-model.md. */
export const ATTACKS: readonly Attack[] = [
  // One attack per line.
  slowHeaders,
  slowBodies,
  manyStreamsTls,
  fullHouse,
  anonymousStreams,
  loginFlood,
  lockOutEverybody,
  lookAlikeCookie,
  crossSiteReads,
  stolenToken,
  redisAccount,
]
