import { create } from './dom.ts'

/** `plain`: the request needs no session. */
export type Outcome = 'ok' | 'plain' | 'rejected' | 'failed'

const TRAVEL_MS = 420
/** A hidden page stops its animations, so dots that are on their way would gather. */
const MOST_DOTS = 80

/** Moves a dot along a path and back, which has the colour of the outcome on its way back. */
export function travelAlong(frame: HTMLElement, path: string, outcome: Outcome): void {
  if (frame.querySelectorAll('.dot').length >= MOST_DOTS) return
  const dot = create('span', outcome === 'plain' ? 'dot plain' : 'dot')
  dot.setAttribute('aria-hidden', 'true')
  dot.style.offsetPath = `path('${path}')`
  frame.append(dot)
  const there = { offsetDistance: '100%' }
  const here = { offsetDistance: '0%' }
  const timing = { duration: TRAVEL_MS, easing: 'ease-in-out', fill: 'forwards' } as const
  dot
    .animate([here, there], timing)
    .finished.then(() => {
      dot.classList.add(outcome)
      return dot.animate([there, here], timing).finished
    })
    .finally(() => dot.remove())
}
