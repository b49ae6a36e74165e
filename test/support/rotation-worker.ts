// Explores one scenario in a separate thread. In its own thread, the test runner tracks every promise, at three times the cost.
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import { explore } from './explore.ts'
import { createRotationWorld } from './rotation-world.ts'

/** Tokens and salts are numbered, so the same events lead to the same state. */
let drawn = 0
const randomBytes = (size: number) => crypto.createHash('sha256').update(`${drawn++}`).digest().subarray(0, size)
Object.assign(crypto, { randomBytes })
syncBuiltinESMExports()

const exploration = await explore(() => {
  drawn = 0
  return createRotationWorld(workerData)
})
parentPort?.postMessage(exploration)
