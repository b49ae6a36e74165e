// Lesson 1: every node accepts a session created on any node.
//
// Logs in until each node has created a session. Then sends requests with each of them until every node has served enough.
// Run it alone with: k6 run loadtest/1-matrix.ts
import { check } from 'k6'
import { Counter } from 'k6/metrics'
import { createRound } from '../app/page/shared/round.ts'
import { givenApp, speech } from './lib/app.ts'
import { askEveryNode } from './lib/every-node.ts'
import { isHonoured } from './lib/judge.ts'
import { endOwnSessions } from './lib/own-sessions.ts'
import { report } from './lib/report.ts'
import { connection, settings } from './lib/settings.ts'
import { COUNTED_ONLY } from './lib/summary.ts'
import { createVisitor, type Visitor } from './lib/visitor.ts'

const { nodes, minPerCell } = settings
const honoured = new Counter('session_honoured')
const rejected = new Counter('session_rejected')

export const matrixScenario = { executor: 'shared-iterations', vus: 1, iterations: 1, exec: 'matrix' } as const

// One threshold for each cell. A Counter, not a Rate: an empty rate passes (grafana/k6#4283), but an empty count is 0 and
// does not reach the minimum. So an empty cell fails the run.
export const matrixThresholds: Record<string, string[]> = { session_rejected: ['count<1'] }
for (const createdOn of nodes) {
  for (const servedBy of nodes) {
    const cell = `created_on:${createdOn},served_by:${servedBy}`
    matrixThresholds[`session_honoured{${cell}}`] = [`count>=${minPerCell}`]
    matrixThresholds[`session_rejected{${cell}}`] = [COUNTED_ONLY]
  }
}

export function matrix(): void {
  const sessions = new Map<string, Visitor>()
  const round = createRound({ nodes: () => nodes, times: 1 })
  for (let logins = 0; round.goesOn(); logins++) {
    const visitor = createVisitor(logins)
    const answer = visitor.logIn()
    // One failure is enough. More would only lock the account.
    if (!check(answer, { 'login succeeds': ({ ok }) => ok })) return
    if (sessions.has(answer.servedBy)) visitor.logOut()
    else sessions.set(answer.servedBy, visitor)
    round.add(answer.servedBy)
    // A login of two requests (a page with a CSRF token, then the form) may never reach one of the nodes in a strict round robin.
    if (givenApp !== undefined) for (let extra = Math.random() * nodes.length; extra >= 1; extra--) visitor.whoAmI()
  }
  for (const [createdOn, { username, whoAmI }] of sessions) {
    askEveryNode(whoAmI, (answer) => {
      const cell = { created_on: createdOn, served_by: answer.servedBy }
      const expected = speech.user.createdOn === undefined ? { username } : { username, createdOn }
      const counter = isHonoured(answer, expected) ? honoured : rejected
      check(null, { 'every node accepts the session': () => counter === honoured }, cell)
      counter.add(1, cell)
    })
  }
  for (const visitor of sessions.values()) visitor.logOut()
}

export const options = { ...connection, scenarios: { matrix: matrixScenario }, thresholds: matrixThresholds }
export const teardown = endOwnSessions
export const handleSummary = report({ name: '1-matrix', parts: ['matrix'], settings })
