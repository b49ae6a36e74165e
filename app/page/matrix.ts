import { create, element } from './dom.ts'

interface Cell {
  honoured: number
  refused: number
}

export interface Matrix {
  /** A node was asked who this is, with the session that `createdOn` made. */
  count(createdOn: string, servedBy: string, isHonoured: boolean): void
  /** Whether `servedBy` has been asked with a session of `createdOn` yet, whatever it said. */
  isAsked(createdOn: string, servedBy: string): boolean
  clear(): void
  render(nodes: readonly string[], current: string | undefined): void
}

/** Created on × served by: what this browser has seen with its own eyes. */
export function createMatrix(): Matrix {
  // With many nodes it scrolls, so one must be able to get there by keyboard.
  element('matrix-scroll').tabIndex = 0
  const cells = new Map<string, Cell>()
  const keyOf = (createdOn: string, servedBy: string) => `${createdOn} ${servedBy}`

  function renderCell(createdOn: string, servedBy: string): HTMLElement {
    const cell = cells.get(keyOf(createdOn, servedBy))
    if (!cell) return create('td', 'empty', create('span', 'unseen', 'not asked yet'))
    const kind = cell.refused > 0 ? 'refused' : 'honoured'
    const made = create('td', kind)
    if (cell.honoured > 0) made.append(create('strong', '', String(cell.honoured)), create('small', '', 'honoured'))
    if (cell.refused > 0) made.append(create('strong', '', String(cell.refused)), create('small', '', 'refused'))
    return made
  }

  return {
    count(createdOn, servedBy, isHonoured) {
      const key = keyOf(createdOn, servedBy)
      const cell = cells.get(key) ?? { honoured: 0, refused: 0 }
      if (isHonoured) cell.honoured++
      else cell.refused++
      cells.set(key, cell)
    },
    isAsked: (createdOn, servedBy) => cells.has(keyOf(createdOn, servedBy)),
    clear: () => cells.clear(),
    render(nodes, current) {
      const head = create('tr', '', create('td', 'corner'), ...nodes.map((node) => headerCell(node, 'col')))
      const rows = nodes.map((createdOn) =>
        create(
          'tr',
          createdOn === current ? 'current' : '',
          headerCell(createdOn, 'row'),
          ...nodes.map((servedBy) => renderCell(createdOn, servedBy)),
        ),
      )
      element('matrix').replaceChildren(create('thead', '', head), create('tbody', '', ...rows))
    },
  }
}

function headerCell(node: string, scope: 'col' | 'row'): HTMLElement {
  const cell = create('th', '', node)
  cell.setAttribute('scope', scope)
  return cell
}
