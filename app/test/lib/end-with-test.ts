const endings = new Set<() => void>()

function endAll(): void {
  for (const end of endings) end()
}

process.once('exit', endAll)
// So does the test runner end a file that takes too long. Without this, no 'exit' would follow.
process.once('SIGTERM', () => process.exit(143))

/**
 * Ends what a test has started also when the process of the test ends before its hooks have run. `end` must not wait.
 * Returns a function for the hook that has ended it in the usual way.
 */
export function endWithTest(end: () => void): () => void {
  endings.add(end)
  return () => endings.delete(end)
}
