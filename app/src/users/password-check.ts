import { Worker } from 'node:worker_threads'
import { z } from 'zod'

const answerSchema = z.object({ matches: z.boolean().optional(), error: z.string().optional() })

type PasswordCheck = (passwordHash: string, password: string) => Promise<boolean>

/**
 * Checks passwords in threads of lower priority, so that requests come first. Each thread checks one password at a time. It
 * starts with its first check, restarts after a failure, and does not keep the process alive.
 */
export function createPasswordCheck(threads: number): PasswordCheck {
  const all = Array.from({ length: threads }, createThread)
  return (passwordHash, password) => {
    const idlest = all.reduce((a, b) => (b.waiting() < a.waiting() ? b : a))
    return idlest.check(passwordHash, password)
  }
}

function createThread(): { check: PasswordCheck; waiting(): number } {
  /** The thread answers in this order. */
  const waiting: { resolve(matches: boolean): void; reject(error: Error): void }[] = []
  let thread: Worker | undefined

  function start(): Worker {
    const started = new Worker(new URL('./hash-thread.js', import.meta.url))
    started.on('message', (message: unknown) => {
      const { matches, error } = answerSchema.parse(message)
      const asked = waiting.shift()
      if (matches === undefined) asked?.reject(new Error(error ?? 'no answer'))
      else asked?.resolve(matches)
    })
    started.on('error', (error: Error) => {
      thread = undefined
      for (const asked of waiting.splice(0)) asked.reject(error)
    })
    // After the listeners: a listener for messages keeps the process alive.
    started.unref()
    return started
  }

  return {
    waiting: () => waiting.length,
    check: (passwordHash, password) =>
      new Promise((resolve, reject) => {
        thread ??= start()
        waiting.push({ resolve, reject })
        thread.postMessage({ passwordHash, password })
      }),
  }
}
