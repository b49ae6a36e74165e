import { text } from './report-frame.ts'

export interface Bar {
  name: string
  /** The parts of the bar. */
  pieces: readonly number[]
  /** The text at its end. */
  label: string
}

/** Colours that are distinguishable with any colour vision, on light and dark backgrounds. */
const COLOURS = ['#6b7785', '#2f7dc4', '#3a9a6a', '#d0782a'] as const
export const colourAt = (place: number) => COLOURS[place % COLOURS.length]

export const BARS_STYLE = `
  .bars { display: grid; grid-template-columns: max-content 1fr max-content; gap: .4rem .75rem; align-items: center; font-variant-numeric: tabular-nums; }
  .bars .track { display: flex; height: 1.1rem; } .bars i { display: block; min-width: 1px; }
`

/** Renders bars, scaled to the longest one. */
export function renderBars(bars: readonly Bar[]): string {
  const length = ({ pieces }: Bar) => pieces.reduce((sum, one) => sum + Math.max(0, one), 0)
  const longest = Math.max(Number.MIN_VALUE, ...bars.map(length))
  const piece = (value: number, place: number) =>
    `<i style="width: ${((100 * Math.max(0, value)) / longest).toFixed(2)}%; background: ${colourAt(place + 1)}"></i>`
  const lines = bars.map(
    ({ name, pieces, label }) =>
      `<span>${text(name)}</span><span class="track">${pieces.map(piece).join('')}</span><span>${text(label)}</span>`,
  )
  return `<div class="bars">${lines.join('\n')}</div>`
}
