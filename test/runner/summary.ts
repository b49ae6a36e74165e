import type { Ended } from './messages.ts'

/** All tests of a file or a check. */
export interface Results {
  name: string
  tests: readonly Ended[]
}

/** Skipped and failed tests with their reasons, and the totals as the last line. */
export function summary(results: readonly Results[]): { text: string; failed: number } {
  const all = results.flatMap(({ name, tests }) => tests.map((test) => ({ ...test, file: name })))
  const of = (wanted: Ended['result']) => all.filter(({ result }) => result === wanted)
  const [passed, failed, skipped] = [of('passed'), of('failed'), of('skipped')]
  const title = ({ file, name }: { file: string; name: string }) => (file === name ? name : `${file}: ${name}`)
  const parts = [
    ...skipped.map((test) => `skip: ${title(test)} (${test.reason})`),
    ...failed.map((test) => `\nFAIL: ${title(test)}\n${indent(test.reason ?? '')}`),
    `\n${passed.length} passed, ${failed.length} failed, ${skipped.length} skipped`,
  ]
  return { text: parts.join('\n'), failed: failed.length }
}

const indent = (text: string) => text.replaceAll(/^(?=.)/gm, '    ')
