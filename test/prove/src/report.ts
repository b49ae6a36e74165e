import { renderTable } from '../../../loadtest/lib/table.ts'
import type { Finding } from './finding.ts'

export interface Answered extends Finding {
  id: string
  title: string
  seconds: number
}

/** The results of a run. The JSON report is exactly this. */
export interface Report {
  name: string
  url: string
  nodes: readonly string[]
  startedAt: string
  seconds: number
  requests: number
  answers: readonly Answered[]
}

export type Outcome = 'PROVED' | 'FAILED' | 'NOT PROVED'

/** What a run means. A question that the description leaves out does not count. Nothing judged is not proved. */
export function outcomeOf({ answers }: Pick<Report, 'answers'>): Outcome {
  const asked = answers.filter(({ isOptedOut }) => isOptedOut !== true)
  if (asked.some(({ verdict }) => verdict === 'FAIL')) return 'FAILED'
  return asked.length > 0 && asked.every(({ verdict }) => verdict === 'PASS') ? 'PROVED' : 'NOT PROVED'
}

export const EXIT_STATUS: Record<Outcome, number> = { PROVED: 0, FAILED: 1, 'NOT PROVED': 2 }

/** Hides secrets in every text of a report. A shorter one could be part of any word. */
export function hideSecrets(report: Report, secrets: ReadonlySet<string>): Report {
  const hidden = [...secrets].filter((secret) => secret.length >= 4).sort((a, b) => b.length - a.length)
  const hide = (text: string) => hidden.reduce((rest, secret) => rest.replaceAll(secret, '[hidden]'), text)
  return {
    ...report,
    nodes: report.nodes.map(hide),
    answers: report.answers.map((answer) => ({
      ...answer,
      did: hide(answer.did),
      saw: answer.saw.map(hide),
      concluded: hide(answer.concluded),
    })),
  }
}

/** The report for a terminal: the table, then what each verdict rests on. */
export function renderText(report: Report): string {
  const { name, url, nodes, answers, requests, seconds } = report
  const table = renderTable([['Verdict', 'Question'], ...answers.map(({ verdict, title }) => [verdict, title])])
  const details = answers.map(
    ({ verdict, title, did, saw, concluded }) =>
      `${verdict}: ${title}\n  Did: ${did}\n${saw.map((line) => `  Saw: ${line.replaceAll('\n', '\n       ')}\n`).join('')}  ${concluded}`,
  )
  const seen = nodes.length === 0 ? 'nodes without names' : nodes.join(', ')
  return [
    `${name} at ${url}: ${seen}`,
    table,
    ...details,
    `${requests} requests in ${seconds.toFixed(1)} s`,
    outcomeOf(report),
  ].join('\n\n')
}
