// Not a module, and loaded first. If a node stops while the browser loads the page, a file can be missing, and the page would
// look complete but not work. Then this reloads the page.

const RELOAD_MS = 1_000

addEventListener(
  'error',
  ({ target }) => {
    const isFile = target instanceof HTMLScriptElement || target instanceof HTMLLinkElement
    if (isFile) setTimeout(() => location.reload(), RELOAD_MS)
  },
  // Such an error does not bubble.
  true,
)
