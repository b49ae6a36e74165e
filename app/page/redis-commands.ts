import { copyOnClick } from './copy.ts'
import { element } from './dom.ts'

const COMMANDS = ['GET', 'TTL']

/**
 * Shell commands that show the session in Redis, each with a button that copies it. Returns a function that sets the first
 * part of the session's key. Without it there are no commands: the session is not in Redis.
 */
export function createRedisCommands(): (keyHint: string) => void {
  for (const command of COMMANDS) copyOnClick(element(`copy-${command}`), element(`command-${command}`))
  return (keyHint) => {
    element('commands').hidden = keyHint === ''
    for (const command of COMMANDS) {
      const line = `deploy/redis-cli ${command} "$(deploy/redis-cli --scan --pattern '${keyHint}*')"`
      element(`command-${command}`).textContent = keyHint === '' ? '' : line
    }
  }
}
