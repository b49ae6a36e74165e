import type { Answered, Report } from './report.ts'

/** JUnit XML, as CI systems read it: a test case for each question. What was not judged is skipped. */
export function renderJunit({ name, answers, seconds, startedAt }: Report): string {
  const count = (verdict: string) => answers.filter((answer) => answer.verdict === verdict).length
  const attributes = [
    `name="${escapeXml(name)}" tests="${answers.length}" failures="${count('FAIL')}" errors="0"`,
    `skipped="${count('NOT JUDGED')}" time="${seconds.toFixed(3)}" timestamp="${startedAt}"`,
  ].join(' ')
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
<testsuite ${attributes}>
${answers.map((answer) => testCase(name, answer)).join('\n')}
</testsuite>
</testsuites>
`
}

function testCase(suite: string, { id, title, verdict, did, saw, concluded, seconds }: Answered): string {
  const attributes = `classname="${escapeXml(suite)}.${id}" name="${escapeXml(title)}" time="${seconds.toFixed(3)}"`
  const message = escapeXml(concluded)
  const details = escapeXml([did, ...saw, concluded].join('\n'))
  if (verdict === 'FAIL') return `<testcase ${attributes}><failure message="${message}">${details}</failure></testcase>`
  if (verdict === 'NOT JUDGED') return `<testcase ${attributes}><skipped message="${message}"/></testcase>`
  return `<testcase ${attributes}><system-out>${details}</system-out></testcase>`
}

const escapeXml = (raw: string) =>
  raw
    // XML 1.0 has no other control characters, not even escaped.
    .replace(/[^\t\n\r\x20-\uD7FF\uE000-\uFFFD]/g, '?')
    .replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
