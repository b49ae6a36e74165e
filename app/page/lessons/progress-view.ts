import { create, withNames } from '../dom.ts'
import type { Outcome, RunningAttempt } from './attempt.ts'

/** Shows what has happened so far, then what came of it, compared with the prediction. */
export function showProgress(
  part: HTMLElement,
  attempt: Pick<RunningAttempt, 'lines' | 'next'> | undefined,
  outcome: (Outcome & { isPredicted: boolean }) | undefined,
): void {
  const lines = (attempt?.lines ?? []).map(({ text, isRemark }) => ({ kind: isRemark ? 'remark' : 'happened', text }))
  const last = outcome
    ? { kind: outcome.isPredicted ? 'outcome predicted' : 'outcome', text: outcome.what }
    : { kind: 'next', text: attempt?.next ?? '' }
  const verdict = outcome && [
    { kind: 'verdict', text: outcome.isPredicted ? 'You predicted it.' : 'You predicted something else.' },
  ]
  const all = [...lines, last, ...(verdict ?? [])].filter(({ text }) => text !== '')
  // Only what is new is added, so only that is read aloud.
  const shown = [...part.children]
  const same = all.findIndex(
    ({ kind, text }, place) => shown[place]?.className !== kind || shown[place]?.textContent !== text,
  )
  const kept = same === -1 ? all.length : same
  for (const old of shown.slice(kept)) old.remove()
  part.append(...all.slice(kept).map(({ kind, text }) => create('p', kind, ...withNames(text))))
}
