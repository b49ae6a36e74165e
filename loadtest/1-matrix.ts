// Lesson 1: a session created on any node is honoured by every node.
//
// Logs in until each node has created a session, then asks with each of them until every node has answered often enough.
// Run it alone with: k6 run loadtest/1-matrix.ts
import { check } from 'k6'
import { Counter } from 'k6/metrics'
import { askEveryNode } from './lib/every-node.ts'
import { endOwnSessions } from './lib/own-sessions.ts'
import { report } from './lib/report.ts'
import { connection, settings } from './lib/settings.ts'
import { COUNTED_ONLY } from './lib/summary.ts'
import { createVisitor, type Visitor } from './lib/visitor.ts'

const { nodes, minPerCell } = settings
const honoured = new Counter('session_honoured')
const refused = new Counter('session_refused')

export const matrixScenario = { executor: 'shared-iterations', vus: 1, iterations: 1, exec: 'matrix' } as const

// One threshold for each cell. A Counter, not a Rate: a rate of nothing passes (grafana/k6#4283), a count of nothing
// is 0 and does not reach the minimum. That is what makes an empty cell fail the run.
export const matrixThresholds: Record<string, string[]> = { session_refused: ['count<1'] }
for (const createdOn of nodes) {
  for (const servedBy of nodes) {
    const cell = `created_on:${createdOn},served_by:${servedBy}`
    matrixThresholds[`session_honoured{${cell}}`] = [`count>=${minPerCell}`]
    matrixThresholds[`session_refused{${cell}}`] = [COUNTED_ONLY]
  }
}

export function matrix(): void {
  const sessions = new Map<string, Visitor>()
  for (let logins = 0; sessions.size < nodes.length && logins < 10 * nodes.length; logins++) {
    const visitor = createVisitor(logins)
    const answer = visitor.logIn()
    // One failure is enough to know, and more would only lock the account.
    if (!check(answer, { 'login succeeds': ({ status }) => status === 200 })) return
    if (sessions.has(answer.servedBy)) visitor.logOut()
    else sessions.set(answer.servedBy, visitor)
  }
  for (const [createdOn, visitor] of sessions) {
    askEveryNode(visitor.whoAmI, (answer) => {
      const isHonoured = answer.status === 200 && answer.username === visitor.username && answer.createdOn === createdOn
      const cell = { created_on: createdOn, served_by: answer.servedBy }
      check(null, { 'every node knows who it is': () => isHonoured }, cell)
      if (isHonoured) honoured.add(1, cell)
      else refused.add(1, cell)
    })
  }
}

export const options = { ...connection, scenarios: { matrix: matrixScenario }, thresholds: matrixThresholds }
export const teardown = endOwnSessions
export const handleSummary = report({ name: '1-matrix', parts: ['matrix'], settings })
