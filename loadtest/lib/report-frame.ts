export interface Page {
  title: string
  /** The result in one or two words, for the title of the browser tab. */
  result: string
  verdict: { isGood: boolean; sentence: string }
  /** The reasons for a bad verdict. */
  reasons?: readonly string[]
  /** What was measured, where and when. */
  about: string
  /** The parts of the page, in HTML. */
  sections: readonly string[]
  /** Additional CSS of this page. */
  style?: string
}

/** Renders a report as one self-contained HTML file that works offline, with a light and a dark theme. */
export function renderPage({ title, result, verdict, reasons = [], about, sections, style = '' }: Page): string {
  const list = reasons.map((reason) => `<li>${text(reason)}</li>`).join('')
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(result)}: ${text(title)}</title>
<style>${STYLE}${style}</style>
<h1>${text(title)}</h1>
<p class="verdict ${verdict.isGood ? 'good' : 'no'}">${text(verdict.sentence)}</p>
${list === '' ? '' : `<ul class="no">${list}</ul>\n`}<p class="dim">${text(about)}</p>
${sections.filter((section) => section !== '').join('\n')}
</html>
`
}

const STYLE = `
  :root { color-scheme: light dark; --ink: #1c2430; --dim: #5b6675; --paper: #fbfbfa; --line: #d9dde3; --good: #2b7a4b; --no: #b3261e; }
  @media (prefers-color-scheme: dark) { :root { --ink: #e8ebef; --dim: #9aa5b4; --paper: #14181e; --line: #323b47; --good: #7fd3a0; --no: #ff8a80; } }
  body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 68rem; margin: 2.5rem auto; padding: 0 1.25rem; }
  h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .5rem; } h2 { font-size: 1.1rem; margin: 2.25rem 0 .75rem; }
  p { margin: .25rem 0; } .dim { color: var(--dim); } .good { color: var(--good); } .no { color: var(--no); }
  .verdict { font-weight: 650; border-left: 4px solid; padding: .4rem .9rem; margin: .75rem 0; }
  .scroll { overflow-x: auto; } code { font: .875em ui-monospace, monospace; }
  table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
  th, td { text-align: left; vertical-align: top; padding: .45rem .75rem .45rem 0; border-bottom: 1px solid var(--line); }
  thead th { font-weight: 550; color: var(--dim); } tbody th { font-weight: 600; }
  @media (max-width: 40rem) {
    .rows, .rows tbody, .rows tr, .rows th, .rows td { display: block; overflow-wrap: anywhere; }
    .rows thead { position: absolute; clip-path: inset(50%); }
    .rows tr { padding: .6rem 0; border-bottom: 1px solid var(--line); } .rows th, .rows td { border: 0; padding: .1rem 0; }
    .rows td[data-label]::before { content: attr(data-label) ": "; color: var(--dim); font-weight: 400; }
    .rows td:not([data-label]) { display: inline-block; margin-right: 1rem; } .rows td:empty { display: none; }
  }
`

/** HTML, or HTML with a class of the style: good, no, dim. */
export type Cell = string | { html: string; className: string }

/** A cell that shows whether a value is good. */
export const verdictCell = (isGood: boolean, word: string): Cell => ({ html: word, className: isGood ? 'good' : 'no' })

/** Renders a table. The first cell of a row is its heading. In a narrow window each row is a block, and each cell has its label. */
export function renderHtmlTable(head: readonly string[], rows: readonly (readonly [string, ...Cell[]])[]): string {
  const heading = head.map((cell) => `<th scope="col">${text(cell)}</th>`).join('')
  const thead = head.length === 0 ? '' : `<thead><tr>${heading}</tr></thead>`
  const lines = rows.map(
    ([first, ...cells]) =>
      `<tr><th scope="row">${first}</th>${cells.map((cell, place) => renderCell(cell, head[place + 1])).join('')}</tr>`,
  )
  return `<div class="scroll"><table class="rows">${thead}<tbody>${lines.join('\n')}</tbody></table></div>`
}

function renderCell(cell: Cell, label = ''): string {
  const { html, className } = typeof cell === 'string' ? { html: cell, className: '' } : cell
  const attributes = [className && ` class="${className}"`, label && ` data-label="${text(label)}"`]
  return `<td${attributes.join('')}>${html}</td>`
}

/** Escapes text for HTML, because node names and messages come from the network. */
export const text = (raw: string) => raw.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
