import { GLYPHS } from './glyphs.ts'
import { ALL_LANES, type Mark, type Turn } from './record.ts'

type ColorName =
  | '--paper'
  | '--ink'
  | '--dim'
  | '--route'
  | '--accent'
  | '--origin'
  | '--origin-soft'
  | '--alarm'
  | '--alarm-soft'
export type Colors = Record<ColorName, string>

/** What every stroke needs. */
interface Brush {
  to: CanvasRenderingContext2D
  colors: Colors
  /** Of one lane. */
  height: number
  /** The number of lanes. */
  lanes: number
}

const SHAPES = new Map(Object.entries(GLYPHS).map(([kind, { path }]) => [kind, new Path2D(path)]))

/** Of ticks a lane can have hundreds, so they lie below the other marks. */
export const isTick = ({ kind }: Mark) => kind === 'plain' || kind === 'honoured' || kind === 'read'

export function readColors(): Colors {
  const style = getComputedStyle(document.documentElement)
  const read = (name: string) => style.getPropertyValue(name)
  return {
    ...{
      '--paper': read('--paper'),
      '--ink': read('--ink'),
      '--dim': read('--dim'),
      '--route': read('--route'),
      '--accent': read('--accent'),
    },
    ...{ '--origin': read('--origin'), '--origin-soft': read('--origin-soft') },
    ...{ '--alarm': read('--alarm'), '--alarm-soft': read('--alarm-soft') },
  }
}

interface Place {
  y: number
  xOf: (at: number) => number
  width: number
}

/** The line of a lane, in the states that it was in. `turns` are those of this lane. */
export function drawLane(brush: Brush, turns: readonly Turn[], { y, xOf, width }: Place): void {
  brush.to.fillStyle = brush.colors['--paper']
  brush.to.fillRect(0, y - brush.height / 2 + 2, width, brush.height - 4)
  let [state, from]: [Turn['state'], number] = ['up', 0]
  for (const turn of turns) {
    const until = Math.max(0, xOf(turn.at))
    drawStretch(brush, state, { from, until, y })
    ;[state, from] = [turn.state, until]
  }
  drawStretch(brush, state, { from, until: width, y })
}

function drawStretch(
  { to, colors, height }: Brush,
  state: Turn['state'],
  at: { from: number; until: number; y: number },
) {
  const { from, until, y } = at
  if (until <= from) return
  const isBad = state === 'gone' || state === 'away'
  if (isBad || state === 'draining') {
    to.fillStyle = colors[isBad ? '--alarm-soft' : '--origin-soft']
    to.fillRect(from, y - height / 2 + 2, until - from, height - 4)
  }
  to.strokeStyle = colors[isBad ? '--alarm' : '--route']
  to.lineWidth = 1
  to.setLineDash(state === 'up' ? [] : [2, 5])
  to.beginPath()
  to.moveTo(from, y)
  to.lineTo(until, y)
  to.stroke()
  to.setLineDash([])
}

export function drawMark(
  brush: Brush,
  { kind, lane }: Mark,
  at: { x: number; y: number | undefined; scale?: number },
): void {
  const { to, colors, height, lanes } = brush
  const [glyph, shape] = [GLYPHS[kind], SHAPES.get(kind)]
  const color = colors[glyph.color]
  if (lane === ALL_LANES) {
    to.fillStyle = color
    to.fillRect(at.x - 1, 0, 2, lanes * height)
  }
  if (at.y === undefined || !shape) return
  to.save()
  to.translate(at.x, at.y + (glyph.dy ?? 0))
  to.scale(at.scale ?? 1, at.scale ?? 1)
  to.fillStyle = color
  to.strokeStyle = color
  to.lineWidth = 2
  if (glyph.isOutline) to.stroke(shape)
  else to.fill(shape)
  to.restore()
}
