import { text } from '../../loadtest/lib/report-style.ts'

export interface Series {
  name: string
  /** Its place among the colours: the same thing has the same in all charts. */
  colour: number
  points: { x: number; y: number }[]
}

/** Colours that are told apart by everybody, on light and on dark. */
const COLOURS = ['#6b7785', '#2f7dc4', '#3a9a6a', '#d0782a'] as const
const colour = (place: number) => COLOURS[place % COLOURS.length]

export const number = (value: number) => {
  const size = Math.abs(value)
  if (size >= 1_000) return Math.round(value).toLocaleString('en')
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2)
}

export const CHART_STYLE = `
  .bars { display: grid; grid-template-columns: max-content 1fr max-content; gap: .4rem .75rem; align-items: center; font-variant-numeric: tabular-nums; }
  .bars .track { display: flex; height: 1.1rem; } .bars i { display: block; min-width: 1px; }
  .legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: .5rem 0; } .legend i { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px; margin-right: .4rem; }
  svg { width: 100%; max-width: 44rem; height: auto; } svg text { fill: var(--dim); font: 12px system-ui, sans-serif; } svg .axis { stroke: var(--line); }
`

/** A bar for each row, of one or more pieces. */
export function bars(rows: readonly { name: string; pieces: readonly number[]; says: string }[]): string {
  const length = ({ pieces }: { pieces: readonly number[] }) => pieces.reduce((sum, one) => sum + Math.max(0, one), 0)
  const longest = Math.max(Number.MIN_VALUE, ...rows.map(length))
  const piece = (value: number, place: number) =>
    `<i style="width: ${((100 * Math.max(0, value)) / longest).toFixed(2)}%; background: ${colour(place + 1)}"></i>`
  const lines = rows.map(
    ({ name, pieces, says }) =>
      `<span>${text(name)}</span><span class="track">${pieces.map(piece).join('')}</span><span>${text(says)}</span>`,
  )
  return `<div class="bars">${lines.join('\n')}</div>`
}

export const legend = (entries: readonly { name: string; colour: number }[]) =>
  `<p class="legend">${entries.map(({ name, colour: place }) => `<span><i style="background: ${colour(place)}"></i>${text(name)}</span>`).join('')}</p>`

const WIDTH = 640
const HEIGHT = 240
const LEFT = 48
const BOTTOM = 28

/** A line for each series, over steps that are equally far apart: they are powers of ten, or few. */
export function lines(series: readonly Series[], unit: string, stepName: (x: number) => string): string {
  const steps = [...new Set(series.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b)
  const top = 1.1 * Math.max(Number.MIN_VALUE, ...series.flatMap(({ points }) => points.map(({ y }) => y)))
  const x = (step: number) => LEFT + ((WIDTH - 2 * LEFT) * steps.indexOf(step)) / Math.max(1, steps.length - 1)
  const y = (value: number) => (HEIGHT - BOTTOM) * (1 - Math.max(0, value) / top)
  const drawn = series.map(({ points, colour: place }) => {
    const at = points.map((point) => `${x(point.x).toFixed(1)},${y(point.y).toFixed(1)}`)
    const dots = at.map(
      (pair) => `<circle cx="${pair.split(',')[0]}" cy="${pair.split(',')[1]}" r="3.5" fill="${colour(place)}"/>`,
    )
    return `<polyline points="${at.join(' ')}" fill="none" stroke="${colour(place)}" stroke-width="2"/>${dots.join('')}`
  })
  const grid = [0, 0.5, 1].map((share) => {
    const level = y(share * top)
    return `<line class="axis" x1="${LEFT}" x2="${WIDTH - LEFT / 2}" y1="${level}" y2="${level}"/><text x="${LEFT - 6}" y="${level + 4}" text-anchor="end">${number(share * top)}</text>`
  })
  const names = steps.map(
    (step) => `<text x="${x(step)}" y="${HEIGHT - 8}" text-anchor="middle">${text(stepName(step))}</text>`,
  )
  return `${legend(series)}
<svg viewBox="0 -12 ${WIDTH} ${HEIGHT + 12}" role="img" aria-label="${text(series.map(({ name }) => name).join(', '))}, in ${text(unit)}">${grid.join('')}${names.join('')}${drawn.join('')}</svg>`
}
