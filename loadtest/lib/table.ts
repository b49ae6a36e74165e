/** Renders rows as a table for the terminal. Each column is as wide as its widest cell. The first row is the heading. */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0))) ?? []
  const line = (cells: readonly string[]) => cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   ')
  return rows.map((cells) => `  ${line(cells)}`.trimEnd()).join('\n')
}
