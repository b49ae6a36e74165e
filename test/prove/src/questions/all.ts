import type { Question } from '../world.ts'
import { cacheHeaders } from './cache-headers.ts'
import { cookieFlags } from './cookie-flags.ts'
import { everyNode } from './every-node.ts'
import { inventedToken } from './invented-token.ts'
import { logoutFinal } from './logout-final.ts'
import { logoutRace } from './logout-race.ts'
import { newToken } from './new-token.ts'
import { parallelUpdates } from './parallel-updates.ts'
import { restart } from './restart.ts'
import { storeAway } from './store-away.ts'
import { twoLogins } from './two-logins.ts'

/** In the order in which they are asked. The last two disturb the application. */
export const QUESTIONS: readonly Question[] = [
  ...[everyNode, logoutFinal, logoutRace, newToken, inventedToken, twoLogins, parallelUpdates],
  ...[cookieFlags, cacheHeaders, storeAway, restart],
]
