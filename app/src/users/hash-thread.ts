import { setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { verifySync } from '@node-rs/argon2'
import { z } from 'zod'

// A thread that checks passwords, one after the other. Started by password-check.ts.

/** A ninth of the weight of a request's thread. At 19, a seventieth, other load on the machine keeps logins from ending. */
const LOW_PRIORITY = 10
const questionSchema = z.object({ id: z.number(), passwordHash: z.string(), password: z.string() })

// On Linux this is the priority of the calling thread alone; elsewhere it would be that of the whole node.
// https://man7.org/linux/man-pages/man2/setpriority.2.html#BUGS
if (process.platform === 'linux') setPriority(LOW_PRIORITY)

parentPort?.on('message', (message: unknown) => {
  const { id, passwordHash, password } = questionSchema.parse(message)
  try {
    parentPort?.postMessage({ id, matches: verifySync(passwordHash, password) })
  } catch (error) {
    parentPort?.postMessage({ id, error: String(error) })
  }
})
