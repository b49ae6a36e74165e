import { getPriority, setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { verifySync } from '@node-rs/argon2'
import { z } from 'zod'

// A thread that checks passwords, one after the other. Started by password-check.ts.

/** A ninth of the weight of the main thread. At 19, a seventieth, other load on the machine would stop logins. */
const LOW_PRIORITY = 10
const questionSchema = z.object({ passwordHash: z.string(), password: z.string() })

// On Linux this is the priority of the calling thread alone. On other systems it would be that of the whole process.
// https://man7.org/linux/man-pages/man2/setpriority.2.html#BUGS
// A process that was started with a lower one may not raise it.
if (process.platform === 'linux' && getPriority() < LOW_PRIORITY) setPriority(LOW_PRIORITY)

parentPort?.on('message', (message: unknown) => {
  const { passwordHash, password } = questionSchema.parse(message)
  try {
    parentPort?.postMessage({ matches: verifySync(passwordHash, password) })
  } catch (error) {
    parentPort?.postMessage({ error: String(error) })
  }
})
