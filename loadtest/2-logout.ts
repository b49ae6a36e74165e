// Lesson 2: after a logout every node refuses the cookie, also a copy of it that somebody kept.
//
// The copy is tried before the logout as well: had no node accepted it then, its refusal afterwards would show nothing.
// Run it alone with: k6 run loadtest/2-logout.ts
import { check } from 'k6'
import { Counter } from 'k6/metrics'
import { askEveryNode } from './lib/every-node.ts'
import { endOwnSessions } from './lib/own-sessions.ts'
import { report } from './lib/report.ts'
import { connection, settings } from './lib/settings.ts'
import { COUNTED_ONLY } from './lib/summary.ts'
import { createVisitor } from './lib/visitor.ts'

const { nodes, minPerCell } = settings
const acceptedBefore = new Counter('copy_accepted_before')
const rejectedBefore = new Counter('copy_rejected_before')
const acceptedAfter = new Counter('copy_accepted_after')
const rejectedAfter = new Counter('copy_rejected_after')

export const logoutScenario = { executor: 'shared-iterations', vus: 1, iterations: 1, exec: 'logout' } as const

export const logoutThresholds: Record<string, string[]> = {
  copy_rejected_before: ['count<1'],
  copy_accepted_after: ['count<1'],
}
for (const node of nodes) {
  const cell = `{served_by:${node}}`
  logoutThresholds[`copy_accepted_before${cell}`] = [`count>=${minPerCell}`]
  logoutThresholds[`copy_rejected_before${cell}`] = [COUNTED_ONLY]
  logoutThresholds[`copy_accepted_after${cell}`] = [COUNTED_ONLY]
  logoutThresholds[`copy_rejected_after${cell}`] = [`count>=${minPerCell}`]
}

export function logout(): void {
  // An account that the other lessons do not use, where there are enough: an account may have but one session (SESSION_MAX).
  const visitor = createVisitor(10)
  if (!check(visitor.logIn(), { 'login succeeds': ({ status }) => status === 200 })) return

  askEveryNode(visitor.replay, ({ status, servedBy, username }) => {
    const isAccepted = status === 200 && username === visitor.username
    check(null, { 'every node accepts a copy before logout': () => isAccepted })
    if (isAccepted) acceptedBefore.add(1, { served_by: servedBy })
    else rejectedBefore.add(1, { served_by: servedBy })
  })

  check(visitor.logOut(), { 'logout succeeds': ({ status }) => status === 204 })

  askEveryNode(visitor.replay, ({ status, servedBy }) => {
    check(status, { 'every node refuses after logout': (got) => got === 401 })
    if (status === 401) rejectedAfter.add(1, { served_by: servedBy })
    else acceptedAfter.add(1, { served_by: servedBy })
  })
}

export const options = { ...connection, scenarios: { logout: logoutScenario }, thresholds: logoutThresholds }
export const teardown = endOwnSessions
export const handleSummary = report({ name: '2-logout', parts: ['logout'], settings })
