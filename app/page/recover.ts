// Loaded before everything else, and not a module: a file of the page that does not arrive, because a node or the network
// went at that very moment, would leave a page that looks alive and is not. Then all of it is asked for again.

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
