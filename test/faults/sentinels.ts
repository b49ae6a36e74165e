import type { Stack } from './stack.ts'

export const SENTINELS = ['sentinel-a-1', 'sentinel-b-1', 'sentinel-c-1']

/** What the sentinels of a stack say: those of Compose by default. */
export function createSentinels(stack: Pick<Stack, 'exec'>, parts: readonly string[] = SENTINELS) {
  const words = ['redis-cli', '-p', '26379', 'SENTINEL', 'MASTER', 'sessions']

  return {
    /** The address of the primary, by the sentinel with the newest configuration. */
    async primaryAddress(): Promise<string> {
      const answers = await Promise.allSettled(parts.map((part) => stack.exec(part, ...words)))
      const named = answers.flatMap((one) => (one.status === 'fulfilled' ? [fieldsOf(one.value)] : []))
      const newest = named.sort((a, b) => Number(b.get('config-epoch')) - Number(a.get('config-epoch')))[0]
      return newest?.get('ip') ?? ''
    },

    /** Whether all of them name the same primary, and know its replicas and each other. */
    async agree(): Promise<boolean> {
      const states = await Promise.all(parts.map(async (part) => fieldsOf(await stack.exec(part, ...words))))
      const primaries = new Set(states.map((state) => state.get('ip')))
      const knowAll = (state: Map<string, string>) =>
        state.get('flags') === 'master' && state.get('num-slaves') === '2' && state.get('num-other-sentinels') === '2'
      return primaries.size === 1 && states.every(knowAll)
    },
  }
}

/** Lines with a name, each followed by a line with its value. */
function fieldsOf(reply: string): Map<string, string> {
  const lines = reply.trim().split(/\r?\n/)
  return new Map(lines.flatMap((line, place) => (place % 2 === 0 ? [[line, lines[place + 1] ?? ''] as const] : [])))
}
