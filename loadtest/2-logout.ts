// Lesson 2: after a logout every node refuses the cookie, also a copy of it that somebody kept.
//
// Run it alone with: k6 run loadtest/2-logout.ts
import { check } from 'k6'
import { Counter } from 'k6/metrics'
import { askEveryNode } from './lib/every-node.ts'
import { report } from './lib/report.ts'
import { connection, settings } from './lib/settings.ts'
import { createVisitor } from './lib/visitor.ts'

const { nodes, minPerCell } = settings
const ended = new Counter('logout_refused')
const survived = new Counter('logout_survived')

export const logoutScenario = { executor: 'shared-iterations', vus: 1, iterations: 1, exec: 'logout' } as const

export const logoutThresholds: Record<string, string[]> = { logout_survived: ['count<1'] }
for (const node of nodes) logoutThresholds[`logout_refused{served_by:${node}}`] = [`count>=${minPerCell}`]

export function logout(): void {
  const visitor = createVisitor(0)
  check(visitor.logIn(), { 'login succeeds': ({ status }) => status === 200 })
  check(visitor.logOut(), { 'logout succeeds': ({ status }) => status === 204 })

  askEveryNode(visitor.replay, ({ status, servedBy }) => {
    check(status, { 'every node refuses after logout': (got) => got === 401 })
    if (status === 401) ended.add(1, { served_by: servedBy })
    else survived.add(1, { served_by: servedBy })
  })
}

export const options = { ...connection, scenarios: { logout: logoutScenario }, thresholds: logoutThresholds }
export const handleSummary = report('2-logout')
