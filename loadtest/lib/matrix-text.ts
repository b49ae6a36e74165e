import { findCell, type Matrix, stateOf } from '../../app/page/shared/matrix.ts'
import { renderTable } from './table.ts'

/** The accepted requests of the creating node and of the other nodes: `15 of 15`. */
export interface Sums {
  byCreator: string
  byOthers: string
}

export function sums(matrix: Matrix): Sums {
  const sum = (cells: Matrix) => {
    const honoured = cells.reduce((total, cell) => total + cell.honoured, 0)
    const asked = cells.reduce((total, cell) => total + cell.honoured + cell.rejected, 0)
    return `${honoured} of ${asked}`
  }
  return {
    byCreator: sum(matrix.filter((cell) => cell.createdOn === cell.servedBy)),
    byOthers: sum(matrix.filter((cell) => cell.createdOn !== cell.servedBy)),
  }
}

/** The sums in words. */
export function describe(matrix: Matrix): string {
  const { byCreator, byOthers } = sums(matrix)
  return `Honoured by the node that created it: ${byCreator}\nHonoured by the other nodes: ${byOthers}`
}

/** A table for the terminal: accepted requests, and rejected ones if any. */
export function renderMatrix(matrix: Matrix): string {
  const createdOn = [...new Set(matrix.map((cell) => cell.createdOn))]
  const servedBy = [...new Set(matrix.map((cell) => cell.servedBy))]
  const cellText = (created: string, served: string) => {
    const cell = findCell(matrix, created, served)
    if (!cell || stateOf(cell) === 'never seen') return 'never seen'
    return cell.rejected > 0 ? `${cell.honoured} ok, ${cell.rejected} rejected` : `${cell.honoured} ok`
  }
  const rows = createdOn.map((created) => [created, ...servedBy.map((served) => cellText(created, served))])
  return renderTable([['created on \\ served by', ...servedBy], ...rows])
}
