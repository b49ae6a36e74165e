/** The lines between the boxes of the map, as SVG paths: drawn behind the boxes, and travelled along by the dots. */

export interface Route {
  from: HTMLElement
  to: HTMLElement
  /** A class for the line: it may be broken. */
  kind: string
}

interface Point {
  x: number
  y: number
}

export function drawRoutes(frame: HTMLElement, svg: Element, routes: readonly Route[]): void {
  svg.replaceChildren(
    ...routes.map(({ from, to, kind }) => {
      const path = document.createElementNS('http://www.w3.org/2000/svg', 'path')
      path.setAttribute('d', pathThrough(frame, [from, to]))
      path.setAttribute('class', kind)
      return path
    }),
  )
}

/** A path through the middles of all of these boxes, in the coordinates of the frame. On a phone they lie below each other. */
export function pathThrough(frame: HTMLElement, boxes: readonly HTMLElement[]): string {
  const origin = frame.getBoundingClientRect()
  const isUpright = getComputedStyle(frame).flexDirection === 'column'
  const stops = boxes.map((box) => {
    const { left, top, width, height } = box.getBoundingClientRect()
    const middle = { x: left - origin.left + width / 2, y: top - origin.top + height / 2 }
    const [before, after] = isUpright
      ? [
          { ...middle, y: middle.y - height / 2 },
          { ...middle, y: middle.y + height / 2 },
        ]
      : [
          { ...middle, x: middle.x - width / 2 },
          { ...middle, x: middle.x + width / 2 },
        ]
    return { before, middle, after }
  })
  return stops
    .map(({ before, middle, after }, place) => {
      const last = stops[place - 1]
      if (!last) return `M${at(after)}`
      const onwards = place < stops.length - 1 ? ` L${at(after)}` : ''
      return `${curve(last.after, before, isUpright)} L${at(middle)}${onwards}`
    })
    .join(' ')
}

/** Out in the direction of travel, and in again in the same. */
function curve(from: Point, to: Point, isUpright: boolean): string {
  const half = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 }
  const [first, second] = isUpright
    ? [
        { x: from.x, y: half.y },
        { x: to.x, y: half.y },
      ]
    : [
        { x: half.x, y: from.y },
        { x: half.x, y: to.y },
      ]
  return `C${at(first)} ${at(second)} ${at(to)}`
}

const at = ({ x, y }: Point) => `${x.toFixed(1)},${y.toFixed(1)}`
