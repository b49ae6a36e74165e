import { create, element, nodeName } from './dom.ts'
import { type Cell, findCell, type Matrix, stateOf } from './shared/matrix.ts'
import { byName } from './tally.ts'

export type RenderMatrix = (running: readonly string[], current: string | undefined) => void

/** Each name is a row and a column, so only the latest nodes that have left remain. */
const MOST_GONE = 3
/** Nodes can have new names all the time, as in Kubernetes. The oldest counts then make room. */
const MOST_CELLS = 1_000

/**
 * Created on × served by: the table of what this browser has counted. `current` is the row of the user's session. A node that
 * created sessions keeps its row when it leaves: the other nodes honour these sessions, and that is the point.
 */
export function createMatrix(count: Matrix): RenderMatrix {
  // It scrolls when there are many nodes, so the keyboard must reach it.
  element('matrix-scroll').tabIndex = 0

  return (running, current) => {
    count.splice(0, count.length - MOST_CELLS)
    const gone = [...new Set(count.map(({ createdOn }) => createdOn))].filter((node) => !running.includes(node))
    const nodes = [...running, ...gone.slice(-MOST_GONE)].sort(byName)
    const header = (node: string, scope: 'col' | 'row') => headerCell(node, scope, !running.includes(node))
    const head = create('tr', '', create('td', 'corner'), ...nodes.map((node) => header(node, 'col')))
    const rows = nodes.map((createdOn) =>
      create(
        'tr',
        createdOn === current ? 'current' : '',
        header(createdOn, 'row'),
        ...nodes.map((servedBy) => countCell(findCell(count, createdOn, servedBy))),
      ),
    )
    element('matrix').replaceChildren(create('thead', '', head), create('tbody', '', ...rows))
  }
}

function countCell(cell: Cell | undefined): HTMLElement {
  if (!cell) return create('td', '', create('span', 'unseen', 'no requests yet'))
  const created = create('td', stateOf(cell))
  for (const outcome of ['honoured', 'rejected'] as const) {
    if (cell[outcome] > 0) created.append(create('strong', '', String(cell[outcome])), create('small', '', outcome))
  }
  return created
}

function headerCell(node: string, scope: 'col' | 'row', isGone: boolean): HTMLElement {
  const cell = create('th', isGone ? 'gone' : '', nodeName(node))
  if (isGone) cell.append(create('small', '', 'gone'))
  cell.setAttribute('scope', scope)
  return cell
}
