import { command } from '../support/command.ts'

/**
 * Runs a command in a network namespace of its own, with a loopback interface. What other programs do to the network of the
 * machine does not reach it: unshare(1). Linux only; some systems forbid it to users.
 */
const ISOLATED = ['unshare', '--user', '--map-root-user', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh']

/** Whether this system allows a network namespace. */
export async function canIsolate(): Promise<boolean> {
  const [program = '', ...words] = ISOLATED
  const { code } = await command(program, [...words, 'true']).catch(() => ({ code: 1 }))
  return code === 0
}

/** The command that runs this one, in a network of its own if `isIsolated`. */
export const isolated = (words: readonly string[], isIsolated: boolean): [string, ...string[]] => {
  const [program = '', ...more] = isIsolated ? [...ISOLATED, ...words] : words
  return [program, ...more]
}
