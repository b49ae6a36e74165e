export type Verdict = 'PASS' | 'FAIL' | 'NOT JUDGED'

/** The answer to one question: what the run did, what it saw, and what that means. */
export interface Finding {
  verdict: Verdict
  did: string
  saw: readonly string[]
  concluded: string
  /** The question needs a part of the description that is not there. */
  isOptedOut?: boolean
}

/** The finding of a question whose part of the description is missing. */
export const notDescribed = (concluded: string): Finding => ({
  ...{ verdict: 'NOT JUDGED', did: 'Nothing.', saw: [], concluded },
  isOptedOut: true,
})

/** Counts equal words: `503 × 12, 401 × 3`, the most frequent first. */
export function tally(words: Iterable<string>): string {
  const counts = new Map<string, number>()
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  const sorted = [...counts].sort(([, a], [, b]) => b - a)
  return sorted.map(([word, count]) => `${word} × ${count}`).join(', ') || 'nothing'
}

export const many = (count: number, thing: string) => `${count} ${thing}${count === 1 ? '' : 's'}`
export const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
