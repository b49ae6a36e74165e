import type { createComposeStack } from '../support/compose-stack.ts'

export type ComposeStack = ReturnType<typeof createComposeStack>

/** An attack on its own stack, at full size. It is limited in count and time and ends by itself. */
export interface Attack {
  /** make attack ONLY=name */
  name: string
  /** The attacker's action, in one line. */
  title: string
  /** The stack's settings besides the defaults. */
  settings?: Record<string, string>
  run(stack: ComposeStack): Promise<Finding>
}

export interface Finding {
  /** Measurements of other users during the attack: "reads p95 6 → 9 ms, 20 of 20 logins". */
  others: string
  /** The reasons why the attack succeeded. Empty if it was stopped. */
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
