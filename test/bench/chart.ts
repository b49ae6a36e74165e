import { BARS_STYLE, colourAt } from 'loadtest/lib/bars'
import { text } from 'loadtest/lib/report-frame'

export interface Series {
  name: string
  /** Its index in the colours. The same tier has the same colour in all charts. */
  colour: number
  points: { x: number; y: number }[]
}

export const number = (value: number) => {
  const size = Math.abs(value)
  if (size >= 1_000) return Math.round(value).toLocaleString('en')
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)
}

export const CHART_STYLE = `${BARS_STYLE}
  .legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: .5rem 0; } .legend i { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px; margin-right: .4rem; }
  h3 { font-size: 1rem; font-weight: 550; margin: 1.5rem 0 .5rem; } .bars { margin-top: .6rem; } td { white-space: nowrap; }
  svg { width: 100%; max-width: 44rem; height: auto; overflow: visible; } svg text { fill: var(--dim); font: 12px system-ui, sans-serif; } svg .axis { stroke: var(--line); }
  @media (max-width: 44rem) {
    .bars { grid-template-columns: 1fr; gap: .15rem; } .bars span:nth-child(3n) { color: var(--dim); margin-bottom: .6rem; }
    svg text { font-size: 20px; } tbody th { min-width: 8rem; }
  }
`

export const legend = (entries: readonly { name: string; colour: number }[]) =>
  `<p class="legend">${entries.map(({ name, colour: place }) => `<span><i style="background: ${colourAt(place)}"></i>${text(name)}</span>`).join('')}</p>`

const WIDTH = 640
const HEIGHT = 240
const LEFT = 48
const BOTTOM = 28

/** The next number that reads well, and so does its half: 200, 400, 1,000. */
function roundUp(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value))
  return unit * ([1, 2, 4, 6, 8].find((times) => times * unit >= value) ?? 10)
}

/** A line for each series, over equally spaced steps. */
export function lines(series: readonly Series[], unit: string, stepName: (x: number) => string): string {
  const steps = [...new Set(series.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b)
  const top = roundUp(1.05 * Math.max(Number.MIN_VALUE, ...series.flatMap(({ points }) => points.map(({ y }) => y))))
  const x = (step: number) => LEFT + ((WIDTH - 2 * LEFT) * steps.indexOf(step)) / Math.max(1, steps.length - 1)
  const y = (value: number) => (HEIGHT - BOTTOM) * (1 - Math.max(0, value) / top)
  const drawn = series.map(({ points, colour: place }) => {
    const at = points.map((point) => `${x(point.x).toFixed(1)},${y(point.y).toFixed(1)}`)
    const dots = at.map(
      (pair) => `<circle cx="${pair.split(',')[0]}" cy="${pair.split(',')[1]}" r="3.5" fill="${colourAt(place)}"/>`,
    )
    return `<polyline points="${at.join(' ')}" fill="none" stroke="${colourAt(place)}" stroke-width="2"/>${dots.join('')}`
  })
  const grid = [0, 0.5, 1].map((share) => {
    const level = y(share * top)
    return `<line class="axis" x1="${LEFT}" x2="${WIDTH - LEFT / 2}" y1="${level}" y2="${level}"/><text x="${LEFT - 6}" y="${level + 4}" text-anchor="end">${(share * top).toLocaleString('en')}</text>`
  })
  const names = steps.map(
    (step) => `<text x="${x(step)}" y="${HEIGHT - 8}" text-anchor="middle">${text(stepName(step))}</text>`,
  )
  return `${legend(series)}
<svg viewBox="0 -12 ${WIDTH} ${HEIGHT + 12}" role="img" aria-label="${text(series.map(({ name }) => name).join(', '))}, in ${text(unit)}">${grid.join('')}${names.join('')}${drawn.join('')}</svg>`
}
