/** What all reports look like, light and dark. A page that needs nothing but itself has it in its head. */
export const STYLE = `
  :root { color-scheme: light dark; --ink: #1c2430; --dim: #5b6675; --paper: #fbfbfa; --line: #d9dde3; --good: #2b7a4b; --no: #b3261e; }
  @media (prefers-color-scheme: dark) { :root { --ink: #e8ebef; --dim: #9aa5b4; --paper: #14181e; --line: #323b47; --good: #7fd3a0; --no: #ff8a80; } }
  body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; margin: 2.5rem auto; padding: 0 1.25rem; }
  h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2.25rem 0 .75rem; }
  p { margin: .25rem 0; } .dim { color: var(--dim); } .verdict { font-weight: 650; } .good { color: var(--good); } .no { color: var(--no); }
  .scroll { overflow-x: auto; }
`

/** Names of nodes and messages come from the network. */
export const text = (raw: string) => raw.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
