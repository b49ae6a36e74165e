// Lesson 1: a session created on any node is honoured by every node.
//
// Logs in until each node has created a session, then asks with each of them until every node has answered often enough.
// Run it alone with: k6 run loadtest/1-matrix.ts
import { check } from 'k6'
import { Counter } from 'k6/metrics'
import { askEveryNode } from './lib/every-node.ts'
import { report } from './lib/report.ts'
import { connection, settings } from './lib/settings.ts'
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
    // Always true: k6 counts by tags only where a threshold asks, and the report wants the number.
    matrixThresholds[`session_refused{${cell}}`] = ['count>=0']
  }
}

export function matrix(): void {
  const sessions = new Map<string, Visitor>()
  for (let logins = 0; sessions.size < nodes.length && logins < 10 * nodes.length; logins++) {
    const visitor = createVisitor(logins)
    const answer = visitor.logIn()
    if (check(answer, { 'login succeeds': ({ status }) => status === 200 })) sessions.set(answer.servedBy, visitor)
  }
  for (const [createdOn, visitor] of sessions) {
    askEveryNode(visitor.whoAmI, ({ status, servedBy, username }) => {
      const isHonoured = status === 200 && username === visitor.username
      const cell = { created_on: createdOn, served_by: servedBy }
      check(null, { 'every node knows who it is': () => isHonoured }, cell)
      if (isHonoured) honoured.add(1, cell)
      else refused.add(1, cell)
    })
  }
}

export const options = { ...connection, scenarios: { matrix: matrixScenario }, thresholds: matrixThresholds }
export const handleSummary = report('1-matrix')
