import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { FAULTS, FAULTS_OF } from '../faults/all.ts'
import { type Fault, type Outcome, verdictOf } from '../faults/fault.ts'
import { judge, recoveredAt, type Seen } from '../faults/judge.ts'
import { EXIT_STATUS, type FaultReport, renderText, verdictOn } from '../faults/report.ts'
import { TOP } from '../support/command.ts'

const SURVIVED: Outcome = {
  ...{ name: 'kill-node', title: 'A node is killed', answers: { '200': 100, '0': 1 }, slowestMs: 120 },
  ...{ boundSlowestMs: 2_000, lost: 0, recoverMs: 2_400, boundRecoverMs: 10_000, missed: [] },
  ...{ tooSlow: [], byStack: {}, losses: { logins: 0, byRotation: 0, returned: 0 }, downMs: 0 },
}
const REPORT: FaultReport = {
  ...{ name: 'chaos', url: 'http://localhost:8080', finishedAt: '2026-01-01T00:00:00Z', load: '40 requests a second' },
  ...{ outcomes: [SURVIVED], controls: [], balance: [] },
}

test('docs/faults.md explains every fault, and the README counts them', async () => {
  const [faults, readme] = await Promise.all(
    ['docs/faults.md', 'README.md'].map((path) => readFile(`${TOP}/${path}`, 'utf8')),
  )
  for (const { name } of Object.values(FAULTS_OF).flat()) assert.ok(faults?.includes(`\`${name}\``), name)
  assert.equal(FAULTS.length, 19)
  assert.match(readme ?? '', /breaks the running stack in nineteen ways/)
})

test('a report without failures shows what users saw and ends with PROVED', () => {
  assert.equal(verdictOn(REPORT), 'PROVED')
  assert.match(
    renderText(REPORT),
    /A node is killed +no response ×1, 200 ×100 +0\.1 s of 2\.0 s +0 +2\.4 s +10\.0 s +survived\n\nPROVED$/,
  )
})

test('a report says that a 401 was expected, unless a session was lost', () => {
  const answers = { '200': 2_340, '401': 71 }
  const shown = (lost: number) => renderText({ ...REPORT, outcomes: [{ ...SURVIVED, answers, lost }] })
  assert.match(shown(0), /200 ×2,340, 401 ×71 \(ended sessions, as expected\) /)
  assert.match(shown(1), /401 ×71 +0\.1 s/)
})

test('an exceeded limit, an unnoticed control, a grown value, or an empty run is not proved', () => {
  const missed = ['the stack took 12000 ms to recover']
  for (const changed of [
    { outcomes: [SURVIVED, { ...SURVIVED, missed }] },
    { controls: [{ title: 'No deadline', fault: 'Redis hangs', noticed: undefined }] },
    { balance: [{ what: 'keys', before: 1, after: 2, isLevel: false }] },
    { outcomes: [] },
  ]) {
    assert.equal(verdictOn({ ...REPORT, ...changed }), 'NOT PROVED')
    assert.match(renderText({ ...REPORT, ...changed }), /NOT PROVED$/)
  }
  assert.match(
    renderText({ ...REPORT, outcomes: [{ ...SURVIVED, missed }] }),
    /FAILED\n\nkill-node: the stack took 12000 ms/,
  )
})

test('the stack has recovered when every node has served and the last wrong response has arrived', () => {
  const answer = (startedMs: number, servedBy: string, status = 200) =>
    ({ kind: 'ask', startedMs, tookMs: 10, status, servedBy }) as const
  const nodes = ['app-1', 'app-2']
  assert.equal(recoveredAt([answer(100, 'app-1')], nodes, 0), undefined)
  assert.equal(recoveredAt([answer(100, 'app-1'), answer(200, 'app-2')], nodes, 0), 210)
  assert.equal(recoveredAt([answer(100, 'app-1'), answer(200, 'app-2'), answer(300, 'nginx', 502)], nodes, 0), 310)
  assert.equal(recoveredAt([answer(100, 'app-1'), answer(200, 'app-2')], nodes, 150), undefined)
})

test('a run with a fault that could not be judged is neither proved nor failed and has its own exit status', () => {
  const tooSlow = ['a response took 1500 ms; but the event loop of the recorder was 400 ms late']
  const report = { ...REPORT, outcomes: [SURVIVED, { ...SURVIVED, tooSlow }] }
  assert.match(renderText(report), / too slow to judge\n\nkill-node: a response took 1500 ms; .*\n.*TOO SLOW TO JUDGE$/)
  assert.equal(EXIT_STATUS[verdictOn(report)], 3)
  const failed = { ...SURVIVED, missed: ['lost: a session of ada'] }
  assert.equal(verdictOn({ ...report, outcomes: [...report.outcomes, failed] }), 'NOT PROVED')
})

test('sessions that the stack itself ended are named and do not change the verdict', () => {
  const report = { ...REPORT, outcomes: [{ ...SURVIVED, byStack: { evicted: 2, rotated: 7 } }] }
  assert.match(renderText(report), /kill-node: by the stack itself, no loss: 2 evicted, 7 rotated\nPROVED$/)
})

const FAULT: Fault = {
  ...{ name: 'any', title: 'Any', tolerated: { get: [], post: [] }, slowestMs: 1_000, recoverMs: 3_000, seconds: 0 },
  happen: async () => {},
}
const FAST = { loopMs: 20, spawnMs: 60, engineMs: 100 }
const SLOW = { loopMs: 600, spawnMs: 300, engineMs: 1_500 }
const ask = (tookMs: number, status = 200) =>
  ({ kind: 'ask', startedMs: 0, tookMs, status, servedBy: 'app-1' }) as const
const SEEN: Seen = {
  ...{ operations: [ask(10)], violations: [], actions: [], startedMs: 0, recoverMs: 500, missed: [], late: [] },
  ...{ k6: { answers: {}, slowestMs: 0, lost: 0, missed: [] }, machine: FAST },
}
const judged = (seen: Partial<Seen>) => verdictOf(judge(FAULT, { ...SEEN, ...seen }))

for (const [what, seen] of Object.entries<Partial<Seen>>({
  'a response took too long': { operations: [ask(1_500)] },
  'the stack recovered too late': { recoverMs: 4_000 },
  'Redis did not reply in time: 503': { operations: [ask(10, 503)] },
  'a fault exceeded its own limit': { late: [{ what: 'being ready again took 4000 ms', boundMs: 3_000 }] },
}))
  test(`${what}: FAILED on a fast machine, too slow to judge on a slow one`, () => {
    assert.equal(judged({}), 'survived')
    assert.equal(judged({ ...seen }), 'FAILED')
    assert.equal(judged({ ...seen, machine: SLOW }), 'too slow to judge')
  })

for (const slow of [{ loopMs: 150 }, { spawnMs: 300 }, { engineMs: 600 }])
  test(`a machine with ${JSON.stringify(slow)} is too slow to judge a limit of one second`, () => {
    assert.equal(judged({ operations: [ask(1_500)], machine: { ...FAST, ...slow } }), 'too slow to judge')
  })

test('a run within all limits on a slow machine has survived', () => {
  assert.equal(judged({ machine: SLOW }), 'survived')
})

for (const [what, seen] of Object.entries<Partial<Seen>>({
  'a lost session': { violations: [{ atMs: 0, what: 'lost', detail: '' }] },
  'a session that returned': { violations: [{ atMs: 0, what: 'returned', detail: '' }] },
  'another user': { violations: [{ atMs: 0, what: 'wrong user', detail: '' }] },
  'a lost session that k6 saw': { k6: { ...SEEN.k6, lost: 1, missed: ['k6: 1 sessions lost'] } },
  'a status unrelated to time': { operations: [ask(10, 500)] },
  'no response': { operations: [ask(10, 0)] },
  'a failure reported by the fault': { missed: ['nginx was restarted'] },
}))
  test(`${what} is a failure on a machine of any speed`, () => {
    assert.equal(judged({ ...seen, machine: SLOW, operations: [ask(1_500), ...(seen.operations ?? [])] }), 'FAILED')
  })
