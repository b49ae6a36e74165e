const endings = new Set<() => void>()

function endAll(): void {
  for (const end of endings) end()
}

process.once('exit', endAll)
// The test runner also stops a slow test file with this signal. Without a handler, no 'exit' event would follow.
process.once('SIGTERM', () => process.exit(143))

/**
 * Calls `end` if the test process exits before its hooks have run, so nothing that a test started remains. `end` must be
 * synchronous. Returns a function for the hook that ended it normally.
 */
export function endWithTest(end: () => void): () => void {
  endings.add(end)
  return () => endings.delete(end)
}
