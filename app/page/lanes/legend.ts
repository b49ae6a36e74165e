import { create, element } from '../dom.ts'
import { GLYPHS } from './glyphs.ts'

const SVG = 'http://www.w3.org/2000/svg'

/** Shows what each kind of mark looks like. */
export function showLegend(): void {
  const items = Object.values(GLYPHS).flatMap(({ name, path, color, isOutline }) => {
    if (name === undefined) return []
    const svg = document.createElementNS(SVG, 'svg')
    svg.setAttribute('viewBox', '-9 -9 18 18')
    svg.setAttribute('aria-hidden', 'true')
    const shape = document.createElementNS(SVG, 'path')
    shape.setAttribute('d', path)
    shape.setAttribute('class', `${color.slice(2)}${isOutline ? ' outline' : ''}`)
    svg.append(shape)
    return create('li', '', svg, name)
  })
  element('lanes-legend').replaceChildren(...items)
}
