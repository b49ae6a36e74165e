// Counts which nodes honour whose sessions, for the page, the k6 scripts and `make prove`. It must run in all three, so it
// uses nothing of a browser, of k6 or of Node, and imports nothing.

/** One pair of nodes: sessions created on one node, requests served by one node. */
export interface Cell {
  createdOn: string
  servedBy: string
  honoured: number
  rejected: number
}

export type Matrix = Cell[]

/** Every pair of these nodes, with counts of 0. */
export const emptyMatrix = (nodes: readonly string[]): Matrix =>
  nodes.flatMap((createdOn) => nodes.map((servedBy) => ({ createdOn, servedBy, honoured: 0, rejected: 0 })))

/** Returns undefined for a pair that the matrix does not have. */
export const findCell = (matrix: Readonly<Matrix>, createdOn: string, servedBy: string): Cell | undefined =>
  matrix.find((cell) => cell.createdOn === createdOn && cell.servedBy === servedBy)

/** Counts one request. A pair that the matrix does not have gets a cell, so an unexpected node counts too. */
export function countRequest(matrix: Matrix, createdOn: string, servedBy: string, isHonoured: boolean): void {
  let cell = findCell(matrix, createdOn, servedBy)
  if (!cell) {
    cell = { createdOn, servedBy, honoured: 0, rejected: 0 }
    matrix.push(cell)
  }
  if (isHonoured) cell.honoured++
  else cell.rejected++
}

/** What a cell shows. One rejected request is enough to spoil it. */
export function stateOf(cell: Cell | undefined): 'never seen' | 'honoured' | 'rejected' {
  if (!cell || cell.honoured + cell.rejected === 0) return 'never seen'
  return cell.rejected > 0 ? 'rejected' : 'honoured'
}
