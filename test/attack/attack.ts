import type { createComposeStack } from '../lib/compose-stack.ts'

export type ComposeStack = ReturnType<typeof createComposeStack>

/** Something that an attacker does to a stack of its own, at full size. Bounded in count and time, and ends by itself. */
export interface Attack {
  /** make attack ONLY=name */
  name: string
  /** What the attacker does, in one line. */
  title: string
  /** What the stack is started with, besides the defaults. */
  settings?: Record<string, string>
  run(stack: ComposeStack): Promise<Finding>
}

export interface Finding {
  /** What other users saw meanwhile, measured: "reads p95 6 → 9 ms, 20 of 20 logins". */
  others: string
  /** Why the attack got through, one reason each; empty if it was stopped. */
  gotThrough: string[]
}

/** One row of the table. */
export interface Outcome extends Finding {
  name: string
  title: string
}

export type Verdict = 'stopped' | 'GOT THROUGH'

export const verdictOf = ({ gotThrough }: Pick<Finding, 'gotThrough'>): Verdict =>
  gotThrough.length === 0 ? 'stopped' : 'GOT THROUGH'
