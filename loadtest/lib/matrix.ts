/** One cell: sessions created on one node, asked for on one node. */
export interface Cell {
  createdOn: string
  servedBy: string
  honoured: number
  refused: number
}

/** Every pair of nodes, counted. Plain data: k6, the prover and the reports all work on this. */
export type Matrix = Cell[]

export function emptyMatrix(nodes: readonly string[]): Matrix {
  return nodes.flatMap((createdOn) => nodes.map((servedBy) => ({ createdOn, servedBy, honoured: 0, refused: 0 })))
}

/** How often the creating node honoured its sessions, and how often the others did: `15 of 15`. */
export interface Sums {
  byCreator: string
  byOthers: string
}

export function sums(matrix: Matrix): Sums {
  const sum = (cells: Matrix) => {
    const honoured = cells.reduce((total, cell) => total + cell.honoured, 0)
    const asked = cells.reduce((total, cell) => total + cell.honoured + cell.refused, 0)
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

/** A table for the terminal: honoured, and refused where there is any. */
export function renderTable(matrix: Matrix): string {
  const createdOn = [...new Set(matrix.map((cell) => cell.createdOn))]
  const servedBy = [...new Set(matrix.map((cell) => cell.servedBy))]
  const rows = createdOn.map((created) => [
    created,
    ...servedBy.map((served) => {
      const cell = matrix.find((one) => one.createdOn === created && one.servedBy === served)
      if (!cell || cell.honoured + cell.refused === 0) return 'never seen'
      return cell.refused > 0 ? `${cell.honoured} ok, ${cell.refused} refused` : `${cell.honoured} ok`
    }),
  ])
  const table = [['created on \\ served by', ...servedBy], ...rows]
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? []
  return table.map((row) => `  ${row.map((text, column) => text.padEnd(widths[column] ?? 0)).join('   ')}`).join('\n')
}
