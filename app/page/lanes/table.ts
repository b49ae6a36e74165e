import { create, element, withNames } from '../dom.ts'
import type { Glimpse } from './record.ts'
import { laneName, timeOf } from './words.ts'

export interface LaneTable {
  isShown(): boolean
  /** Fills the table, if it is shown. */
  fill(glimpse: Glimpse): void
}

const MOST_ROWS = 60

/** The lanes as a table, for users who cannot see them. */
export function createLaneTable(onShown: () => void): LaneTable {
  const toggle = element('lanes-as-table')
  const frame = element('lanes-table')
  // It scrolls, so the keyboard must reach it.
  frame.tabIndex = 0
  let filledWith: unknown

  toggle.addEventListener('click', () => {
    frame.hidden = !frame.hidden
    toggle.setAttribute('aria-expanded', String(!frame.hidden))
    filledWith = undefined
    onShown()
  })

  return {
    isShown: () => !frame.hidden,
    fill({ marks }) {
      // A new table would take away what a user has selected in it, or what is being read aloud.
      if (frame.hidden || marks.at(-1) === filledWith) return
      filledWith = marks.at(-1)
      const newest = marks.filter(({ kind }) => kind !== 'read').slice(-MOST_ROWS)
      const rows = newest
        .reverse()
        .map((mark) =>
          create(
            'tr',
            mark.kind,
            create('td', '', timeOf(mark)),
            create('td', '', laneName(mark.lane)),
            create('td', '', ...withNames(mark.text)),
          ),
        )
      element('lanes-rows').replaceChildren(...rows)
    },
  }
}
