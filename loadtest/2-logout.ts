// Lesson 2: after a logout, every node rejects the cookie, even from a client that kept a copy.
//
// Every node must accept the copy before the logout. Otherwise its rejection after the logout would prove nothing.
// Run it alone with: k6 run loadtest/2-logout.ts
import { check } from 'k6'
import { Counter } from 'k6/metrics'
import { askEveryNode } from './lib/every-node.ts'
import { isHonoured } from './lib/judge.ts'
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
  // With enough accounts, no other lesson uses this one: an account may be limited to one session (SESSION_MAX).
  const visitor = createVisitor(10)
  if (!check(visitor.logIn(), { 'login succeeds': ({ ok }) => ok })) return

  askEveryNode(visitor.replay, (answer) => {
    const counter = isHonoured(answer, visitor) ? acceptedBefore : rejectedBefore
    check(null, { 'every node accepts a copy of the cookie before logout': () => counter === acceptedBefore })
    counter.add(1, { served_by: answer.servedBy })
  })

  check(visitor.logOut(), { 'logout succeeds': ({ ok }) => ok })

  askEveryNode(visitor.replay, ({ standing, servedBy }) => {
    check(standing, { 'every node rejects the copy after logout': (is) => is === 'signed out' })
    const counter = standing === 'signed out' ? rejectedAfter : acceptedAfter
    counter.add(1, { served_by: servedBy })
  })
}

export const options = { ...connection, scenarios: { logout: logoutScenario }, thresholds: logoutThresholds }
export const teardown = endOwnSessions
export const handleSummary = report({ name: '2-logout', parts: ['logout'], settings })
