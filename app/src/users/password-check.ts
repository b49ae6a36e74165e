import { Worker } from 'node:worker_threads'
import { z } from 'zod'

const answerSchema = z.object({ id: z.number(), matches: z.boolean().optional(), error: z.string().optional() })

interface Waiting {
  resolve(matches: boolean): void
  reject(error: Error): void
}

/**
 * Checks passwords in a thread of lower priority, so that requests come first. The thread starts with the first
 * check, and again if it has failed. It does not keep the process alive.
 */
export function createPasswordCheck(): (passwordHash: string, password: string) => Promise<boolean> {
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

  return (passwordHash, password) =>
    new Promise((resolve, reject) => {
      thread ??= start()
      const id = ++lastId
      waiting.set(id, { resolve, reject })
      thread.postMessage({ id, passwordHash, password })
    })
}
