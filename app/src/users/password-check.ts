import { Worker } from 'node:worker_threads'
import { z } from 'zod'

const answerSchema = z.object({ id: z.number(), matches: z.boolean().optional(), error: z.string().optional() })

interface Waiting {
  resolve(matches: boolean): void
  reject(error: Error): void
}

type PasswordCheck = (passwordHash: string, password: string) => Promise<boolean>

/**
 * Checks passwords in threads of lower priority, so that requests come first: as many at once as there are threads. A thread
 * starts with its first check, and again if it has failed. It does not keep the process alive.
 */
export function createPasswordCheck(threads: number): PasswordCheck {
  const all = Array.from({ length: threads }, createThread)
  return (passwordHash, password) => {
    const [idlest] = all.sort((a, b) => a.waiting() - b.waiting())
    if (!idlest) throw new Error('no thread to check a password')
    return idlest.check(passwordHash, password)
  }
}

function createThread(): { check: PasswordCheck; waiting(): number } {
  const waiting = new Map<number, Waiting>()
  let thread: Worker | undefined
  let lastId = 0

  function start(): Worker {
    const started = new Worker(new URL('./hash-thread.js', import.meta.url))
    started.on('message', (message: unknown) => {
      const { id, matches, error } = answerSchema.parse(message)
      const asked = waiting.get(id)
      waiting.delete(id)
      if (matches === undefined) asked?.reject(new Error(error ?? 'no answer'))
      else asked?.resolve(matches)
    })
    started.on('error', (error: Error) => {
      thread = undefined
      for (const asked of waiting.values()) asked.reject(error)
      waiting.clear()
    })
    // After the listeners: to listen for messages keeps the process alive.
    started.unref()
    return started
  }

  return {
    waiting: () => waiting.size,
    check: (passwordHash, password) =>
      new Promise((resolve, reject) => {
        thread ??= start()
        const id = ++lastId
        waiting.set(id, { resolve, reject })
        thread.postMessage({ id, passwordHash, password })
      }),
  }
}
