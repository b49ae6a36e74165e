import { anyNode } from './any-node.ts'
import { drainAndRoll } from './drain-and-roll.ts'
import { killCreator } from './kill-creator.ts'
import type { Lesson } from './lesson.ts'
import { logoutEverywhere } from './logout-everywhere.ts'
import { moreNodes } from './more-nodes.ts'
import { ownMemory } from './own-memory.ts'
import { redisAway } from './redis-away.ts'
import { stolenCookie } from './stolen-cookie.ts'

/** In the order in which they are shown. docs/contributing.md: "Add a lesson to the page". */
export const LESSONS: readonly Lesson[] = [
  ...[anyNode, killCreator, drainAndRoll, ownMemory],
  ...[logoutEverywhere, stolenCookie, redisAway, moreNodes],
]
