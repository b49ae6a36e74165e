import type { TestEvent } from 'node:test/reporters'
import { type Ended, MARK, type Message } from './messages.ts'

/** node:test reports this for each test that --test-name-pattern excludes. Later versions of Node.js do not report them. */
const LEFT_OUT = 'test name does not match pattern'

/** Writes each test that starts or ends as one line of JSON. For --test-reporter, which takes the default export. */
// biome-ignore lint/style/noDefaultExport: see https://nodejs.org/api/test.html#custom-reporters
export default async function* reporter(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    const message = messageOf(event)
    // The output of a test may not end with a line feed.
    if (message) yield `\n${MARK}${JSON.stringify(message)}\n`
  }
}

function messageOf({ type, data }: TestEvent): Message | undefined {
  if (type === 'test:dequeue') return { started: data.name }
  if (type !== 'test:pass' && type !== 'test:fail') return undefined
  const { name, skip, todo } = data
  const seconds = data.details.duration_ms / 1000
  const isSuite = data.details.type === 'suite'
  if (type === 'test:fail') {
    const { error } = data.details
    // The failures inside it are reported too.
    if (isSuite && 'failureType' in error && error.failureType === 'subtestsFailed') return { uncounted: name }
    return { ended: { name, seconds, result: 'failed', reason: reasonOf(error) } }
  }
  if (isSuite || skip === LEFT_OUT) return { uncounted: name }
  const why = skip ?? todo
  const ended: Ended =
    why === undefined || why === false
      ? { name, seconds, result: 'passed' }
      : { name, seconds, result: 'skipped', reason: typeof why === 'string' ? why : 'no reason is given' }
  return { ended }
}

/** The error of the test with its stack, or the message of node:test. */
function reasonOf(error: Error): string {
  const cause = error.cause instanceof Error ? error.cause : error
  return cause.stack ?? String(cause)
}
