/** The lines between the boxes of the map, as SVG paths. The dots travel along the same paths. */

export interface Route {
  from: HTMLElement
  to: HTMLElement
  /** A class for the line, such as `broken`. */
  kind: string
}

interface Point {
  x: number
  y: number
}

interface Box {
  isNode: boolean
  middle: Point
  halfWidth: number
  halfHeight: number
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

/** A path through the centres of all boxes, in the coordinates of the frame. */
export function pathThrough(frame: HTMLElement, elements: readonly HTMLElement[]): string {
  const origin = frame.getBoundingClientRect()
  const boxes = elements.map((box) => measure(box, origin))
  // On a phone the nodes are rows below each other.
  const isUpright = getComputedStyle(frame).display === 'grid'
  const legs = boxes.slice(1).map((to, place) => {
    const from = boxes[place] ?? to
    return isUpright ? gutterLeg(from, to, origin.width) : curvedLeg(from, to)
  })
  const [first] = boxes
  return first ? `M${at(first.middle)} ${legs.join(' ')}` : ''
}

function measure(box: HTMLElement, origin: DOMRect): Box {
  const { left, top, width, height } = box.getBoundingClientRect()
  return {
    isNode: box.classList.contains('node'),
    middle: { x: left - origin.left + width / 2, y: top - origin.top + height / 2 },
    halfWidth: width / 2,
    halfHeight: height / 2,
  }
}

/** From the middle of a box to the middle of the next one on its right. Between the boxes it is a curve. */
function curvedLeg(from: Box, to: Box): string {
  const [start, end] = [from.middle.x + from.halfWidth, to.middle.x - to.halfWidth]
  const half = (start + end) / 2
  const [y, endY] = [from.middle.y, to.middle.y]
  return `L${at({ x: start, y })} C${at({ x: half, y })} ${at({ x: half, y: endY })} ${at({ x: end, y: endY })} L${at(to.middle)}`
}

/** The lines run so far from the edge of the frame. */
const GUTTER_PX = 9
const CORNER_PX = 9

/**
 * On a phone: down beside the nodes and then into one of them, so no line crosses a box, however many nodes there are. The
 * requests come down on the right, and go on to Redis on the left.
 */
function gutterLeg(from: Box, to: Box, width: number): string {
  const end = at(to.middle)
  if (!from.isNode && !to.isNode) return `L${end}`
  const x = to.isNode ? width - GUTTER_PX : GUTTER_PX
  if (to.isNode) {
    const edge = at({ x: to.middle.x + to.halfWidth, y: to.middle.y })
    const corner = `L${at({ x, y: to.middle.y - CORNER_PX })} Q${at({ x, y: to.middle.y })} ${at({ x: x - CORNER_PX, y: to.middle.y })}`
    return `L${at({ x, y: from.middle.y })} ${corner} L${edge} L${end}`
  }
  const corner = `Q${at({ x, y: from.middle.y })} ${at({ x, y: from.middle.y + CORNER_PX })}`
  return `L${at({ x: x + CORNER_PX, y: from.middle.y })} ${corner} L${at({ x, y: to.middle.y })} L${end}`
}

const at = ({ x, y }: Point) => `${x.toFixed(1)},${y.toFixed(1)}`
