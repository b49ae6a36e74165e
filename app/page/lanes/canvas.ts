import { type Colors, drawLane, drawMark, isTick, readColors } from './paint.ts'
import { type Glimpse, type Mark, SHOWN_MS } from './record.ts'

export interface Picture extends Glimpse {
  /** From top to bottom. */
  lanes: readonly string[]
  /** The time at the right edge. */
  now: number
  /** The mark under the cursor. */
  chosen: Mark | undefined
}

export interface LaneCanvas {
  draw(picture: Picture): void
  /** Where a moment is, in CSS pixels from the left. */
  xOf(at: number, now: number): number
  /** The width in device pixels. */
  resolution(): number
  /** Reads the colours of the style sheet again. */
  restyle(): void
}

/** Draws the lanes. A canvas, because a minute has more marks than elements could move 60 times a second. */
export function createLaneCanvas(canvas: HTMLCanvasElement, laneHeight: () => number): LaneCanvas {
  const to = canvas.getContext('2d')
  let colors: Colors = readColors()
  let width = canvas.clientWidth

  const xOf = (at: number, now: number) => width - (width * (now - at)) / SHOWN_MS

  /** A new size clears the canvas and is slow, so it is set only if it has changed. */
  function fit(height: number): void {
    const ratio = devicePixelRatio
    const [widthPx, heightPx] = [Math.round(width * ratio), Math.round(height * ratio)]
    if (canvas.width !== widthPx || canvas.height !== heightPx) {
      canvas.style.height = `${height}px`
      canvas.width = widthPx
      canvas.height = heightPx
    }
    to?.setTransform(ratio, 0, 0, ratio, 0, 0)
    to?.clearRect(0, 0, width, height)
  }

  function draw({ lanes, marks, turns, now, chosen }: Picture): void {
    if (!to) return
    const height = laneHeight()
    fit(lanes.length * height)
    const brush = { to, colors, height, lanes: lanes.length }
    const middleOf = new Map(lanes.map((lane, place) => [lane, (place + 0.5) * height]))
    for (const [lane, y] of middleOf) {
      const own = turns.filter((turn) => turn.lane === lane)
      drawLane(brush, own, { y, xOf: (at) => xOf(at, now), width })
    }
    for (const isBelow of [true, false]) {
      for (const mark of marks) {
        if (isTick(mark) === isBelow) drawMark(brush, mark, { x: xOf(mark.at, now), y: middleOf.get(mark.lane) })
      }
    }
    if (!chosen) return
    const x = xOf(chosen.at, now)
    to.fillStyle = colors['--ink']
    to.fillRect(x - 0.5, 0, 1, lanes.length * height)
    drawMark(brush, chosen, { x, y: middleOf.get(chosen.lane), scale: 1.5 })
  }

  new ResizeObserver(() => {
    width = canvas.clientWidth
  }).observe(canvas)
  return {
    draw,
    xOf,
    resolution: () => width * devicePixelRatio,
    restyle() {
      colors = readColors()
    },
  }
}
