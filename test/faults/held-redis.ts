import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { TOP } from '../support/command.ts'

/** A connection to Redis that was opened before Redis is at maxclients. */
export function holdRedis() {
  const child = spawn('deploy/redis-cli', [], { cwd: TOP, stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdout.setEncoding('utf8')
  const ended = once(child, 'close').then(() => {
    throw new Error('redis-cli has exited')
  })
  ended.catch(() => {})
  return {
    async send(...words: string[]): Promise<string> {
      const answered = Promise.race([once(child.stdout, 'data'), ended])
      child.stdin.write(`${words.join(' ')}\n`)
      const [answer] = await answered
      return String(answer).trim()
    },
    async close(): Promise<void> {
      const closed = once(child, 'close')
      child.stdin.end()
      await closed
    },
  }
}
