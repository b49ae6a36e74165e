import { element, withNames } from '../dom.ts'
import type { LaneCanvas, Picture } from './canvas.ts'
import { markAfter, nearestIn } from './moves.ts'
import type { Mark } from './record.ts'
import { describeMark } from './words.ts'

export interface LaneCursor {
  /** The mark under the pointer, or the one that the arrow keys have reached. The read-out describes it. */
  choose(picture: Omit<Picture, 'chosen'>): Mark | undefined
}

interface Parts {
  canvas: LaneCanvas
  laneHeight: () => number
  /** What is drawn now. */
  picture: () => Omit<Picture, 'chosen'>
  /** Draws again, also while the lanes are paused. */
  onMoved: () => void
}

/** How far from a mark the pointer may be. */
const REACH_PX = 14

/** The cursor of the lanes: by pointer, by touch, and by arrow keys. */
export function createLaneCursor({ canvas, laneHeight, picture, onMoved }: Parts): LaneCursor {
  const plot = element('lanes-plot')
  const readOut = element('lanes-readout')
  let pointer: { x: number; y: number } | undefined
  let chosen: Mark | undefined

  plot.addEventListener('pointermove', ({ clientX, clientY }) => {
    const { left, top } = plot.getBoundingClientRect()
    pointer = { x: clientX - left, y: clientY - top }
    onMoved()
  })
  for (const type of ['pointerleave', 'blur']) plot.addEventListener(type, release)
  plot.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') return release()
    const next = markAfter(event.key, { ...picture(), chosen })
    if (!next) return
    event.preventDefault()
    pointer = undefined
    chosen = next
    tell(next)
    onMoved()
  })

  function release(): void {
    pointer = undefined
    chosen = undefined
    onMoved()
  }

  function tell(mark: Mark): void {
    plot.setAttribute('aria-valuenow', String(Math.round((mark.at - picture().now) / 1000)))
    plot.setAttribute('aria-valuetext', describeMark(mark, picture().now))
  }

  function atPointer({ lanes, marks, now }: Omit<Picture, 'chosen'>, { x, y }: { x: number; y: number }) {
    const lane = lanes[Math.floor(y / laneHeight())]
    const near = (mark: Mark) => Math.abs(canvas.xOf(mark.at, now) - x)
    const own = marks.filter((mark) => (mark.lane === lane || !lanes.includes(mark.lane)) && near(mark) <= REACH_PX)
    return nearestIn(own, near)
  }

  return {
    choose(shown) {
      if (pointer) chosen = atPointer(shown, pointer)
      // It has left the lanes on the left.
      if (chosen && !shown.marks.includes(chosen)) chosen = undefined
      readOut.hidden = chosen === undefined
      if (!chosen) return undefined
      readOut.replaceChildren(...withNames(describeMark(chosen, shown.now)))
      const x = canvas.xOf(chosen.at, shown.now)
      const most = plot.clientWidth - readOut.offsetWidth
      readOut.style.left = `${Math.max(0, Math.min(most, x - readOut.offsetWidth / 2))}px`
      readOut.style.top = `${(Math.max(0, shown.lanes.indexOf(chosen.lane)) + 1) * laneHeight() + 4}px`
      return chosen
    },
  }
}
